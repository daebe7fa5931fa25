//! Connections that no honest browser makes.

use crate::house::House;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_says_too_little_or_too_much_is_let_go() {
    let house = House::open().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (address, stop) = (listener.local_addr().expect("an address"), CancellationToken::new());
    let patience = web::Patience { head: Duration::from_millis(300), largest_head: 8192, most: 3 };
    let server = web::serve(listener, house.router.clone(), patience, stop.clone());
    let talk = async {
        // Half a head, and nothing more.
        let mut slow = TcpStream::connect(address).await.expect("connects");
        slow.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nx-slow: ").await.expect("writes");
        let mut answer = Vec::new();
        slow.read_to_end(&mut answer).await.expect("is let go");
        // Nothing at all.
        let mut silent = TcpStream::connect(address).await.expect("connects");
        silent.read_to_end(&mut answer).await.expect("is let go");
        // A head just larger than is read.
        let mut large = TcpStream::connect(address).await.expect("connects");
        let head = format!("GET / HTTP/1.1\r\nhost: x\r\nx-large: {}", "x".repeat(8192));
        large.write_all(head.as_bytes()).await.expect("writes");
        let mut answer = String::new();
        large.read_to_string(&mut answer).await.expect("is answered");
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
        // Whoever behaves is answered meanwhile.
        let mut good = TcpStream::connect(address).await.expect("connects");
        good.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.expect("writes");
        let mut answer = String::new();
        good.read_to_string(&mut answer).await.expect("is answered");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        stop.cancel();
    };
    let (ended, ()) = tokio::time::timeout(Duration::from_secs(20), async { tokio::join!(server, talk) }).await.expect("ends");
    ended.expect("serves");
}
