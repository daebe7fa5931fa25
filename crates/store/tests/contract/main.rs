//! The contract of the store: what every public function promises, run against every database it can use.
//!
//! A database is a constructor of [`place::Place`] and a module at the end of this file. `opening.rs` is about a folder on disk and so
//! about `SQLite` only; `names.rs` fails when a public function is not named in this suite.

mod corruption;
mod generations;
mod names;
mod opening;
mod place;
mod runs;
mod samples;
mod sections;
mod transactions;
mod ventures;

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
            runs::a_run_comes_back_as_it_was,
            runs::the_newest_run_of_a_venture_is_found,
            runs::how_a_run_ended_is_not_written_over,
            runs::unfinished_runs_of_all_owners_are_found,
            runs::another_owner_finds_no_run,
            runs::a_run_needs_a_venture_of_its_owner,
            generations::a_generation_comes_back_as_it_was,
            generations::a_failed_generation_without_anything_comes_back_as_it_was,
            generations::what_a_run_made_comes_with_calls_and_without_spans,
            generations::another_owner_finds_no_generation,
            generations::a_generation_needs_a_venture_and_a_run_of_its_owner,
            generations::a_generation_that_is_refused_leaves_nothing,
            sections::the_current_section_is_replaced_and_fresh_again,
            sections::current_sections_come_by_name_with_calls,
            sections::only_sections_that_exist_go_stale,
            sections::another_owner_changes_and_finds_no_section,
            sections::a_generation_of_another_venture_or_section_is_not_made_current,
            sections::what_belongs_to_a_venture_goes_with_it,
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
