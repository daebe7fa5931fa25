//! What replicas share for a moment: cached answers, limits, live events; in process, or in Redis.
