//! The contract of the store: what every public function promises, run against every database it can use.
//!
//! A database is a constructor of [`place::Place`] and a module at the end of this file. `opening.rs` is about a folder on disk and so
//! about `SQLite` only; `names.rs` fails when a public function is not named in this suite.

mod accounts;
mod alerts;
mod archives;
mod audit;
mod backup;
mod calls;
mod corruption;
mod decisions;
mod deployments;
mod embeddings;
mod erasing;
mod evals;
mod events;
mod generations;
mod guests;
mod idempotency;
mod identities;
mod jobs;
mod keyring;
mod links;
mod mails;
mod migrations;
mod names;
mod opening;
mod place;
mod plans;
mod proposals;
mod runs;
mod samples;
mod scores;
mod sections;
mod servers;
mod sessions;
mod takes;
mod tiers;
mod tokens;
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
            jobs::a_job_waits_for_its_moment_and_that_does_not_count,
            jobs::processes_that_die_over_a_job_are_counted_apart,
            jobs::a_job_handed_back_goes_on_at_once,
            jobs::a_cancelled_job_is_let_go_of,
            jobs::a_paused_kind_is_not_claimed,
            jobs::a_job_knows_its_place_in_line,
            jobs::scheduled_jobs_run_once,
            jobs::workers_hear_of_new_jobs,
            jobs::old_jobs_are_forgotten,
            accounts::an_account_comes_back_as_it_was,
            accounts::an_address_is_had_once,
            accounts::an_account_changes_part_by_part,
            accounts::without_an_account_nothing_is_changed,
            accounts::a_code_works_once_and_only_forward,
            accounts::accounts_are_found_by_address_and_page_by_page,
            accounts::who_leaves_is_found,
            accounts::what_is_counted_under_a_locked_account_holds,
            sessions::a_session_is_found_with_its_account,
            sessions::sessions_are_ended,
            sessions::a_session_needs_an_account,
            tokens::a_token_is_found_with_its_account,
            tokens::tokens_are_revoked_once,
            links::a_link_works_once,
            links::links_are_dropped_and_forgotten,
            identities::a_subject_signs_in_to_one_account,
            archives::an_archive_is_asked_for_packed_and_forgotten,
            generations::what_was_made_lately_comes_newest_first,
            jobs::a_job_that_waits_can_be_hurried,
            proposals::a_proposal_comes_back_as_it_was,
            proposals::proposals_come_newest_first_with_what_was_said,
            proposals::nothing_of_the_team_is_kept_without_a_commit,
            deployments::a_release_is_made_once,
            deployments::the_last_deployment_of_an_environment_holds,
            deployments::the_last_process_that_began_says_what_serves,
            deployments::who_changes_what_is_served_waits_for_the_turn,
            evals::an_eval_comes_back_as_it_was_and_ends_once,
            evals::cases_are_added_once_and_come_page_by_page,
            evals::a_job_of_the_team_is_put_in_line_once_and_held,
            evals::of_the_same_thing_one_eval_runs_at_a_time,
            accounts::the_team_is_found,
            guests::guests_come_and_go,
            takes::takes_count_until_they_are_given_back,
            takes::what_was_spent_is_added_up,
            takes::old_takes_are_forgotten,
            alerts::one_alert_of_a_kind_and_subject_is_open_at_a_time,
            alerts::an_alert_may_be_about_no_member,
            alerts::alerts_are_acknowledged_and_come_page_by_page,
            audit::lines_come_back_newest_first,
            audit::lines_are_found_by_what_is_in_them,
            audit::no_line_is_changed_or_removed,
            mails::a_mail_is_written_once,
            mails::mails_are_sent_erased_and_forgotten,
            keyring::all_processes_share_one_secret,
            tiers::a_venture_too_many_is_refused_where_the_database_can,
            scores::a_score_comes_back_as_it_was,
            scores::a_person_scores_a_generation_once,
            scores::a_score_needs_a_generation_of_its_owner_and_points,
            scores::scores_are_added_up_by_day,
            scores::what_can_be_reviewed_is_drawn_by_lot,
            decisions::decisions_come_newest_first_and_stay,
            erasing::nothing_of_an_owner_is_left_and_nobody_else_loses_anything,
            erasing::what_was_used_stays_without_a_name,
            migrations::changes_are_listed_and_made_once,
            migrations::queries_are_timed_by_name,
            plans::no_query_reads_a_whole_table,
            walls::members_find_nothing_of_each_other,
            walls::members_find_nothing_of_each_others_accounts,
            embeddings::the_nearest_sections_are_found_among_ones_own,
            backup::everything_comes_back_into_an_empty_place,
            backup::a_damaged_copy_is_refused_and_changes_nothing,
            corruption::a_row_that_breaks_a_rule_is_named,
            corruption::a_row_of_an_account_that_breaks_a_rule_is_named,
            corruption::a_score_that_breaks_a_rule_is_named,
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
