//! What this room promises, against a real mail server and a scripted identity provider over real connections.

mod mail;
mod place;
mod sign_in_github;
mod sign_in_google;
mod sign_in_settings;
mod supabase;
mod supabase_keys;
