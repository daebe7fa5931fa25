//! Reads the address of a Redis, and says what is wrong with it without its password.

use crate::error::Error;
use redis::{Client, ConnectionAddr, ErrorKind, IntoConnectionInfo as _, ProtocolVersion, RedisError};
use secrecy::{ExposeSecret as _, SecretString};

const FORM: &str = "write redis://user:password@host:6379/0, or rediss:// for an encrypted connection";
const SCHEMES: [&str; 7] = ["redis", "rediss", "valkey", "valkeys", "unix", "redis+unix", "valkey+unix"];

/// Where a Redis is; never shows the password.
pub(crate) struct Address {
    /// Makes connections to it.
    pub(crate) client: Client,
    place: String,
    user: Option<String>,
    password: bool,
    database: i64,
}

fn wrong(part: &'static str, reason: impl Into<String>) -> Error {
    Error::Redis { part, reason: reason.into() }
}

/// Reads an address, or says which part of it cannot be read.
pub(crate) fn read(url: &SecretString) -> Result<Address, Error> {
    let url = url.expose_secret();
    look_at(url)?;
    // What the driver says may quote the address, so its words are not passed on.
    let unreadable = |_| {
        let reason = format!("cannot be read: percent-encode special characters in user and password; {FORM}");
        wrong("address", reason)
    };
    let info = url.into_connection_info().map_err(unreadable)?;
    let place = match info.addr() {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => format!("{host}:{port}"),
        other => other.to_string(),
    };
    let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let (user, password, database) = (redis.username().map(str::to_owned), redis.password().is_some(), redis.db());
    let client = Client::open(info.set_redis_settings(redis)).map_err(unreadable)?;
    Ok(Address { client, place, user, password, database })
}

/// What people get wrong, by its part.
fn look_at(url: &str) -> Result<(), Error> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(wrong("address", format!("has no scheme; {FORM}")));
    };
    if !SCHEMES.contains(&scheme) {
        return Err(wrong("scheme", format!("is \"{}\", not redis or rediss; {FORM}", scheme.chars().take(20).collect::<String>())));
    }
    if scheme.ends_with("unix") {
        return Ok(());
    }
    let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
    let place = place.split(['?', '#']).next().unwrap_or_default();
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !place.ends_with(']') => (host, Some(port)),
        _ => (place, None),
    };
    if host.is_empty() {
        return Err(wrong("host", format!("is missing; {FORM}")));
    }
    if port.is_some_and(|port| port.parse::<u16>().map_or(true, |port| port == 0)) {
        return Err(wrong("port", "is not a number between 1 and 65535; if it was not meant as one, percent-encode \"/\" in the password"));
    }
    let database = path.split(['?', '#']).next().unwrap_or_default().trim_matches('/');
    if !database.is_empty() && database.parse::<u32>().is_err() {
        return Err(wrong("database", "is not a number; Redis counts its databases from 0"));
    }
    Ok(())
}

impl Address {
    /// What a server says that will say the same tomorrow, as an error.
    pub(crate) fn refusal(&self, fault: &RedisError) -> Option<Error> {
        let said = fault.to_string();
        let (part, reason) = match fault.kind() {
            ErrorKind::AuthenticationFailed if self.password => ("password", self.not_accepted()),
            _ if said.contains("WRONGPASS") => ("password", self.not_accepted()),
            ErrorKind::AuthenticationFailed => ("password", format!("is missing: {} wants one", self.place)),
            _ if said.contains("NOAUTH") => ("password", format!("is missing: {} wants one", self.place)),
            _ if said.contains("DB index") || said.contains("switch database") => {
                ("database", format!("{} does not exist on {}; name another", self.database, self.place))
            }
            _ if said.contains("NOPERM") => ("user", format!("may not do on {} what is needed ({said})", self.place)),
            ErrorKind::RESP3NotSupported => ("server", format!("{} is older than Redis 6; a newer one is needed", self.place)),
            _ => return None,
        };
        Some(wrong(part, reason))
    }

    fn not_accepted(&self) -> String {
        format!("was not accepted for the user {}", self.user.as_deref().unwrap_or("default"))
    }

    /// Why Redis is away, for the log.
    pub(crate) fn reason(&self, fault: &RedisError) -> String {
        if let Some(error) = self.refusal(fault) {
            return error.to_string();
        }
        if fault.is_connection_refusal() {
            return format!("{} refuses connections; is Redis running there?", self.place);
        }
        format!("{}: {fault}", self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(url: &str) -> String {
        read(&url.to_owned().into()).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_wrong_address_says_which_part() {
        let cases = [
            ("localhost:6379", "address has no scheme"),
            ("http://u:s3cret@h", "scheme is \"http\""),
            ("redis://", "host is missing"),
            ("redis://u:s3cret@:6379/0", "host is missing"),
            ("redis://u:s3cret@h:high/0", "port is not a number"),
            ("redis://u:s3c/ret@h:6379/0", "percent-encode"),
            ("redis://u:s3cret@h:6379/main", "database is not a number"),
            ("redis://u:s3cret@h:6379/0?protocol=9", "address cannot be read"),
        ];
        for (url, expected) in cases {
            let said = fault(url);
            assert!(said.contains(expected) && !said.contains("s3c"), "{url}: {said}");
        }
        for url in [
            "redis://h",
            "rediss://u:s3cret@h:6380/2",
            "redis://:s3cret@[::1]:6379",
            "redis://h:1/?protocol=resp3",
            "unix:///run/redis.sock",
        ] {
            assert_eq!(fault(url), "", "{url}");
        }
    }
}
