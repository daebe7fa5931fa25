//! Other people's services: mail servers, identity providers.
