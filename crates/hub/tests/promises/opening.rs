//! Opening: an address that can never work says which part of it is wrong; a server that is not there is no error.

use crate::place::{Server, needed};
use hub::{Health, Hub, Settings};

async fn refusal(url: String) -> String {
    let settings = Settings { redis: Some(url.into()), ..Settings::default() };
    Hub::open(settings).await.expect_err("is refused").to_string()
}

#[tokio::test]
async fn a_wrong_address_says_which_part_without_the_password() {
    let good = needed("PLANNER_TEST_REDIS");
    let (user, place) = good.split_once("://").and_then(|(_, rest)| rest.split_once('@')).expect("a user and a place");
    let (_, password) = user.split_once(':').expect("a password");
    let (host, _) = place.split_once('/').expect("a database");
    let cases = [
        (format!("redis://default:wr0ng-secret@{place}"), "password was not accepted for the user default"),
        (format!("redis://nobody:{password}@{place}"), "password was not accepted for the user nobody"),
        (format!("redis://{place}"), "password is missing"),
        (format!("redis://{user}@{host}/4711"), "database 4711 does not exist"),
        (format!("http://{user}@{place}"), "scheme is \"http\""),
    ];
    for (url, expected) in cases {
        let said = refusal(url).await;
        assert!(said.contains(expected), "{said} should say: {expected}");
        assert!(!said.contains(password) && !said.contains("wr0ng-secret"), "{said}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_waited_for_in_process() {
    let mut server = Server::stopped();
    let hub = Hub::open(server.settings()).await.expect("a hub");
    assert!(matches!(hub.health(), Health::RedisAway { .. }), "{}", hub.health());
    assert!(hub.take("plans", "ana", hub::Limit { per_hour: 1 }).await.allowed);
    server.run();
    crate::place::eventually("Redis is reached", async || hub.health() == Health::Redis).await;
    assert!(!format!("{hub:?} {:?}", server.settings()).contains("redis://"), "the address can be printed");
}
