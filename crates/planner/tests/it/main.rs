//! Stories through the whole program: the router, the use cases, a real store, a scripted model upstream.

mod api;
mod chaos;
mod cli;
mod databases;
mod faults;
mod functions;
mod house;
mod pages;
mod replicas;
mod templates;
mod ventures;
