//! The contract of the store: what every public function promises, run against every database it can use.
//!
//! A database is a constructor of [`place::Place`] and a module at the end of this file. `opening.rs` is about a folder on disk and so
//! about `SQLite` only; `names.rs` fails when a public function is not named in this suite.

mod backup;
mod calls;
mod corruption;
mod embeddings;
mod events;
mod generations;
mod idempotency;
mod jobs;
mod migrations;
mod names;
mod opening;
mod place;
mod plans;
mod runs;
mod samples;
mod sections;
mod servers;
mod transactions;
mod ventures;
mod walls;

/// Every contract, as a test in the module it is used in; `$place` makes a fresh database.
macro_rules! contracts {
    ($place:path => $($noun:ident :: $contract:ident),+ $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $contract() {
            crate::$noun::$contract(&$place().await).await;
        }
    )+};
}

/// The list of contracts, once for all databases.
macro_rules! all_contracts {
    ($place:path) => {
        contracts! { $place =>
            ventures::a_venture_comes_back_as_it_was,
            ventures::ventures_come_newest_first_and_page_by_page,
            ventures::another_owner_finds_no_venture,
            ventures::a_venture_is_not_added_twice_or_for_somebody_else,
            ventures::a_venture_is_put_away_and_taken_up_again,
            ventures::words_that_were_accepted_stay,
            runs::a_run_comes_back_as_it_was,
            runs::the_newest_run_of_a_venture_is_found,
            runs::how_a_run_ended_is_not_written_over,
            runs::runs_of_a_venture_come_page_by_page,
            runs::another_owner_finds_no_run,
            runs::a_run_needs_a_venture_of_its_owner,
            generations::a_generation_comes_back_as_it_was,
            generations::a_failed_generation_without_anything_comes_back_as_it_was,
            generations::what_a_run_made_comes_with_calls_and_without_spans,
            generations::versions_come_newest_first_and_page_by_page,
            generations::another_owner_finds_no_generation,
            generations::a_generation_needs_a_venture_and_a_run_of_its_owner,
            generations::a_generation_that_is_refused_leaves_nothing,
            sections::the_current_section_is_replaced_and_fresh_again,
            sections::current_sections_come_by_name_with_calls,
            sections::only_sections_that_exist_go_stale,
            sections::another_owner_changes_and_finds_no_section,
            sections::a_generation_of_another_venture_or_section_is_not_made_current,
            sections::what_belongs_to_a_venture_goes_with_it,
            events::events_are_numbered_and_read_on_from_anywhere,
            events::events_of_a_run_that_is_not_theirs_are_refused,
            calls::an_open_call_is_settled_once,
            calls::calls_of_died_processes_are_found,
            idempotency::the_same_key_finds_what_was_made,
            idempotency::a_key_belongs_to_its_owner,
            jobs::a_job_is_put_in_line_once_and_only_with_its_transaction,
            jobs::each_job_is_claimed_by_one_worker,
            jobs::paid_jobs_come_first_and_owners_take_turns,
            jobs::a_lost_lease_changes_nothing,
            jobs::a_failed_job_waits_and_is_hopeless_in_the_end,
            jobs::what_is_not_the_jobs_fault_does_not_count,
            jobs::processes_that_die_over_a_job_are_counted_apart,
            jobs::a_job_handed_back_goes_on_at_once,
            jobs::a_cancelled_job_is_let_go_of,
            jobs::a_paused_kind_is_not_claimed,
            jobs::a_job_knows_its_place_in_line,
            jobs::scheduled_jobs_run_once,
            jobs::workers_hear_of_new_jobs,
            jobs::old_jobs_are_forgotten,
            migrations::changes_are_listed_and_made_once,
            migrations::queries_are_timed_by_name,
            plans::no_query_reads_a_whole_table,
            walls::members_find_nothing_of_each_other,
            embeddings::the_nearest_sections_are_found_among_ones_own,
            backup::everything_comes_back_into_an_empty_place,
            backup::a_damaged_copy_is_refused_and_changes_nothing,
            corruption::a_row_that_breaks_a_rule_is_named,
            transactions::nothing_is_kept_without_a_commit,
            transactions::a_reader_sees_one_moment_and_cannot_write,
            transactions::a_hundred_writers_take_turns,
            transactions::a_begin_that_is_given_up_leaves_the_store_usable,
            transactions::moments_are_cut_to_microseconds,
            transactions::the_store_gives_a_sign_of_life,
        }
    };
}

mod on_sqlite {
    all_contracts!(crate::place::Place::sqlite);
}

mod on_postgres {
    all_contracts!(crate::place::Place::postgres);
}
