//! Stories through the whole program: the router, the use cases, a real store, a scripted model upstream.

/// Stories that must hold on both databases: each is told in a house of its own.
macro_rules! on_both {
    ($($story:ident),+ $(,)?) => {
        mod sqlite { $(#[tokio::test(flavor = "multi_thread")] async fn $story() { super::$story(super::House::open().await).await; })+ }
        mod postgres { $(#[tokio::test(flavor = "multi_thread")] async fn $story() { super::$story(super::House::on_postgres().await).await; })+ }
    };
}

mod access;
mod accounts;
mod api;
mod chaos;
mod cli;
mod connections;
mod databases;
mod eval_jobs;
mod eval_pages;
mod evals;
mod faults;
mod functions;
mod house;
mod outside;
mod pages;
mod people;
mod prompt_pages;
mod proposals;
mod quality;
mod quotas;
mod releases;
mod replicas;
mod secrets;
mod suites;
mod templates;
mod ventures;
mod watches;
