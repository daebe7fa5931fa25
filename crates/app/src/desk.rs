//! What accounts stand on: the table of tiers, the rules of the house, the mailer, identity providers, and the key things are signed
//! with.

use crate::App;
use chrono::TimeDelta;
use domain::accounts::Account;
use domain::tiers::{Entitlements, Tiers};
use domain::usage::MicroDollars;
use hmac::{Hmac, KeyInit as _, Mac as _};
use integrations::mail::Mailer;
use integrations::sign_in::Providers;
use integrations::supabase::Verifier;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// The rules of the house, as the operator sets them.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// What a free member may cost in 24 hours.
    pub free_member_daily_cost: MicroDollars,
    /// How long one is held back who cost more.
    pub limited_for: TimeDelta,
    /// Whether the team has to sign in with a second factor.
    pub staff_second_factor: bool,
    /// How long somebody stays signed in.
    pub session: TimeDelta,
    /// How long a deleted account can be taken back.
    pub grace: TimeDelta,
    /// After how long without a visit a guest is forgotten.
    pub guests: TimeDelta,
    /// Sign-ins that may fail for one account in an hour.
    pub sign_ins_per_account: u32,
    /// Sign-ins that may fail from one address in an hour.
    pub sign_ins_per_address: u32,
    /// Accounts, and mails that somebody asks for, from one address in an hour.
    pub mails_per_address: u32,
    /// Which share of what is made the judge model scores, if there is one: 0 to 1.
    pub judge_share: f64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            free_member_daily_cost: MicroDollars(5_000_000),
            limited_for: TimeDelta::hours(24),
            staff_second_factor: false,
            session: TimeDelta::days(30),
            grace: TimeDelta::days(7),
            guests: TimeDelta::days(7),
            sign_ins_per_account: 10,
            sign_ins_per_address: 50,
            mails_per_address: 20,
            judge_share: 0.05,
        }
    }
}

/// What accounts stand on.
#[derive(Debug)]
pub struct Desk {
    /// What each tier gives.
    pub tiers: Tiers,
    /// The rules.
    pub policy: Policy,
    /// How mail leaves.
    pub mailer: Mailer,
    /// Others who vouch for people in the browser.
    pub providers: Providers,
    /// Who vouches for bearers of Supabase's tokens, if somebody does.
    pub supabase: Option<Verifier>,
    /// Where people reach us, without a slash at its end: links in mail begin with it.
    pub public_url: String,
    /// What cookies and forms are signed with.
    pub secret: SecretString,
}

impl Desk {
    /// What a member may have.
    pub(crate) const fn entitled(&self, account: &Account) -> &Entitlements {
        if account.verified.is_some() { self.tiers.of(account.tier) } else { &self.tiers.unverified }
    }

    fn mac(&self, purpose: &str, text: &str) -> Hmac<Sha256> {
        // A key of any length will do.
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.expose_secret().as_bytes()).unwrap_or_else(|_| unreachable!());
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(text.as_bytes());
        mac
    }
}

/// Signs a text for one purpose (HMAC-SHA-256), hexadecimal.
pub fn sign(app: &App, purpose: &str, text: &str) -> String {
    hex::encode(app.desk.mac(purpose, text).finalize().into_bytes())
}

/// Whether a signature is ours; it takes as long for a wrong one.
pub fn is_signed(app: &App, purpose: &str, text: &str, signature: &str) -> bool {
    sign(app, purpose, text).as_bytes().ct_eq(signature.as_bytes()).into()
}
