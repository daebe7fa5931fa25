//! Stories through the whole program: the router, the use cases, a real store, a scripted model upstream.

mod access;
mod accounts;
mod api;
mod chaos;
mod cli;
mod connections;
mod databases;
mod faults;
mod functions;
mod house;
mod outside;
mod pages;
mod people;
mod quotas;
mod replicas;
mod secrets;
mod templates;
mod ventures;
