"""What users of the first systems rely on, row by row, and the tests that verify each row.

`test_rows.py` holds that each named test exists. A test is named by its file below `tests/` and its function.
"""

from __future__ import annotations

CONTRACT, WIRE = "test_sett_contract.py", "sett/test_sett_wire_contract.py"
SETT, PROCESSES, RECORDING, TESTS = (
    "test_sett.py",
    "test_sett_processes.py",
    "test_sett_recording.py",
    "test_sett_tests.py",
)
HOLT, LINE, REDIS, FILES = (
    "sett/test_holt_retold.py", "sett/test_sett_command_line.py", "sett/test_sett_redis.py", "sett/test_sett_files.py",
)  # fmt: skip
COGNITIA, WORK, COGITO = (
    "sett/test_cognitia_retold.py",
    "sett/test_cognitia_work_retold.py",
    "sett/test_cogito_retold.py",
)
TEAMS, GATES, DISPATCH, REGISTRY = "test_teams.py", "test_tool_gates.py", "test_dispatch.py", "test_registry.py"
DEMOS, HOSTILE = "sett/test_demos.py", "sett/test_hostile_setts.py"

ROWS: dict[str, tuple[str, ...]] = {
    # ---- what agents get and give -----------------------------------------------------------------------------
    "stdin of a command is compact JSON on one line, from which grep takes values": (
        f"{CONTRACT}::test_a_command_takes_values_out_of_its_stdin_with_grep",
        f"{HOLT}::test_ToolInput_JSONMarshaling_and_PrepareToolInput",
    ),
    "stdin of a bid script has the same form": (f"{CONTRACT}::test_a_bid_script_gets_the_same_form",),
    "on rework the reviews are in `context_chain` and in `additional_context`": (
        f"{CONTRACT}::test_on_rework_the_reviews_are_context",
    ),
    "on rework the target's own thread is in the context": (f"{HOLT}::test_AssembleContext",),
    "the context holds `Standard`, `Answer` and `Review` artefacts only": (
        f"{CONTRACT}::test_an_answer_comes_with_its_question_and_only_work_is_context",
        f"{HOLT}::test_AssembleContext",
    ),
    "the context has the oldest artefact first, and ten levels at most": (
        f"{SETT}::test_context_is_breadth_first_each_thread_by_its_newest_version_oldest_first",
        f"{HOLT}::test_AssembleContext_stops_at_ten_levels",
    ),
    "a payload is a text on the wire": (
        f"{CONTRACT}::test_a_payload_is_a_text_on_the_wire_and_a_time_is_in_milliseconds",
    ),
    "`created_at_ms` stands beside `created_at`": (
        f"{CONTRACT}::test_a_payload_is_a_text_on_the_wire_and_a_time_is_in_milliseconds",
    ),
    "a command has its working directory, its environment and its prompts": (
        f"{SETT}::test_a_command_gets_the_contract_on_stdin_and_in_its_environment",
    ),
    "a field more in an answer is ignored, and named in the log": (
        f"{CONTRACT}::test_a_field_more_is_ignored_and_named",
    ),
    "an answer of the type `Review` is a review in every phase": (
        f"{CONTRACT}::test_an_answer_of_the_type_review_is_a_review_in_every_phase",
    ),
    "rework keeps the type of its thread": (
        f"{CONTRACT}::test_rework_keeps_the_type_of_its_thread",
        f"{HOLT}::test_CreateResultArtefact_DetectsFeedbackClaim",
    ),
    "a command that fails makes a `ToolExecutionFailure`": (
        f"{CONTRACT}::test_failures_have_the_types_that_users_look_for",
        f"{HOLT}::test_ParseToolOutput_Invalid_and_MarshalFailurePayload",
    ),
    "too many reviews make a `MaxIterationsExceeded`": (f"{HOLT}::test_CreateFeedbackClaim_IterationLimitCheck",),
    "rework for an agent that is gone makes a `MissingAgentConfiguration`": (
        f"{CONTRACT}::test_rework_of_an_agent_that_is_gone_is_a_failure",
        f"{HOLT}::test_CreateFeedbackClaim_MissingAgent",
    ),
    "the payload of a failure has `error`, `exit_code`, `stdout`, `stderr` and `reason`": (
        f"{HOLT}::test_ParseToolOutput_Invalid_and_MarshalFailurePayload",
    ),
    "an answer of another shape is a failure, and the sett goes on": (
        f"{SETT}::test_a_wrong_answer_is_a_failure_artefact",
        f"{HOSTILE}::test_rubbish_is_a_failure_that_says_what_it_was",
    ),
    "a commit is verified with git": (f"{SETT}::test_a_commit_is_verified_with_git",),
    "a bid script that fails falls back to `bidding_strategy`": (
        f"{CONTRACT}::test_a_bid_that_fails_falls_back_to_the_strategy",
    ),
    "why a bid failed is in the log and in `sett logs ROLE`": (
        f"{CONTRACT}::test_a_bid_that_fails_falls_back_to_the_strategy",
        f"{CONTRACT}::test_why_nobody_bids_is_said_at_the_end_and_in_the_log",
    ),
    "why a bid failed is printed where nobody bids because of it": (
        f"{CONTRACT}::test_why_nobody_bids_is_said_at_the_end_and_in_the_log",
    ),
    "an image that is not there is the reason of a failed bid and of failed work": (
        f"{WIRE}::test_a_missing_image_is_the_reason_of_a_failed_bid_and_of_failed_work",
    ),
    "`${NAME}` that is not set is empty, with a warning": (
        f"{SETT}::test_a_variable_that_is_not_set_is_empty_and_named_or_has_a_default",
    ),
    "`${NAME:-text}` has a default": (f"{SETT}::test_a_variable_that_is_not_set_is_empty_and_named_or_has_a_default",),
    "`${NAME:?text}` is an error before anything runs": (
        f"{SETT}::test_a_variable_that_an_agent_cannot_do_without_is_asked_for_before_anything_runs",
    ),
    "a variable is passed through by its name": (f"{SETT}::test_the_environment_is_passed_through_or_filled_in",),
    "`sett.yml` takes `network` and `timeout`": (f"{CONTRACT}::test_a_file_of_a_sett_takes_network_and_timeout",),
    "`--network` opens the network for a file that cannot be changed": (
        f"{WIRE}::test_network_for_a_whole_file_leaves_out_who_refuses_it",
    ),
    "the report of a connection that failed names the network": (
        f"{WIRE}::test_the_report_of_a_failed_connection_names_the_network",
    ),
    "an image whose entry point is a cub of the first system runs": (
        f"{WIRE}::test_the_entry_point_of_an_image_is_not_run",
        f"{WIRE}::test_a_command_with_words_keeps_them_behind_the_image",
    ),
    "`auto` takes a container only if the image is there, and says so before any bid": (
        f"{WIRE}::test_without_its_image_an_agent_runs_without_a_container_and_that_is_said_before_any_bid",
    ),
    "`auto` builds an image where there is a Dockerfile": (
        f"{SETT}::test_an_image_is_built_where_there_is_a_dockerfile",
    ),
    "a container that was asked for and cannot be had is refused before any bid": (
        f"{WIRE}::test_a_container_that_was_asked_for_and_cannot_be_had_is_refused_before_any_bid",
    ),
    "`/healthz` follows the agent's own `health_check`": (
        f"{WIRE}::test_healthz_follows_the_health_check_of_the_agent",
        f"{PROCESSES}::test_healthz_says_whether_the_blackboard_answers",
    ),
    "an agent that is not well takes no work": (f"{SETT}::test_an_agent_that_is_not_well_takes_no_work_until_it_is",),
    "`resources.reservations` are known": (f"{WIRE}::test_reservations_are_known",),
    "`resources.limits` bound a command": (f"{SETT}::test_memory_is_bounded",),
    "the board lies outside of what agents see": (
        f"{CONTRACT}::test_what_is_cogcs_own_is_not_seen_in_the_workspace_or_the_app",
        f"{CONTRACT}::test_a_board_that_was_put_into_the_workspace_is_not_seen",
        f"{CONTRACT}::test_landlock_hides_it_in_a_workspace_that_is_read",
    ),
    "a controller runs so many commands at a time": (
        f"{SETT}::test_a_controller_runs_so_many_workers_the_rest_wait_in_order",
        f"{DEMOS}::test_a_demo_runs_to_its_end",
    ),
    "a `bidding_strategy` does not bid on the agent's own results": (
        f"{WIRE}::test_a_strategy_does_not_bid_on_the_agents_own_results",
    ),
    "the whole form of the file runs, as `sett.yml` and as `holt.yml`": (
        f"{PROCESSES}::test_the_whole_file_format_runs_as_it_is",
    ),
    "what the first system's schema knows is known": (f"{FILES}::test_what_the_first_system_takes_is_taken",),
    "what the first system refuses is refused, with its place": (
        f"{FILES}::test_what_the_first_system_refuses_is_refused_with_its_place",
    ),
    # ---- the orchestrator -------------------------------------------------------------------------------------
    "phases follow each other, and a phase without bids is skipped": (
        f"{HOLT}::test_the_first_phase_and_its_grants",
        f"{HOLT}::test_Phase3_ThreePhaseWorkflow_and_PhaseState_IsComplete",
        f"{HOLT}::test_Phase3_PhaseSkipping",
    ),
    "`{}` and `[]` approve, all else is a veto": (f"{HOLT}::test_IsApproval",),
    "one veto sends an artefact back": (f"{HOLT}::test_Phase3_ReviewRejection_one_veto_is_enough",),
    "a failure of an agent terminates its claim": (f"{HOLT}::test_E2E_AgentScriptFailure_terminates_the_claim",),
    "which artefacts make claims, and each makes one": (
        f"{HOLT}::test_which_artefacts_make_claims",
        f"{HOLT}::test_Orchestrator_IdempotentClaimCreation",
    ),
    "a `Question` waits for a person, and its `Answer` goes on": (
        f"{SETT}::test_a_question_waits_for_a_persons_answer",
        f"{PROCESSES}::test_a_question_is_answered_later_and_the_instance_goes_on",
    ),
    "a `Terminal` ends the workflow": (f"{SETT}::test_an_end_lets_what_runs_end_and_grants_nothing_more",),
    # ---- Redis ------------------------------------------------------------------------------------------------
    "an artefact is a hash with the fields of the first system": (
        f"{REDIS}::test_a_client_of_the_first_system_follows_a_run_with_a_rework",
    ),
    "a claim is a hash with its grants, its status from `pending_review` on, and why it was terminated": (
        f"{REDIS}::test_a_client_of_the_first_system_follows_a_run_with_a_rework",
    ),
    "a claim is found by its artefact, and has its bids": (
        f"{REDIS}::test_a_client_of_the_first_system_follows_a_run_with_a_rework",
    ),
    "each new artefact and claim is announced as JSON": (
        f"{REDIS}::test_a_client_of_the_first_system_follows_a_run_with_a_rework",
        f"{REDIS}::test_a_claim_that_is_written_again_is_announced_once",
    ),
    "each agent hears of its grants": (f"{REDIS}::test_a_client_of_the_first_system_follows_a_run_with_a_rework",),
    "`workflow_events` has the six events of the first system": (
        f"{REDIS}::test_a_client_of_the_first_system_follows_a_run_with_a_rework",
    ),
    "the mirror is of Redis alone": (f"{REDIS}::test_a_board_elsewhere_has_no_such_keys",),
    "goals, bids and answers of foreign clients are taken over": (
        f"{REDIS}::test_a_cub_of_the_first_system_works_beside_ours",
    ),
    "what a client publishes wrongly is logged and left out": (
        f"{REDIS}::test_what_a_client_publishes_wrongly_is_logged_and_left_out",
    ),
    # ---- the command line -------------------------------------------------------------------------------------
    "`list` shows the instances of a machine": (
        f"{LINE}::test_one_workspace_has_one_instance_and_its_changes_are_committed",
    ),
    "`list` shows the instances of a Redis server": (f"{LINE}::test_list_shows_the_instances_of_a_server",),
    "`forage` takes `--goal`, `-g` and `--watch`": (
        f"{LINE}::test_one_workspace_has_one_instance_and_its_changes_are_committed",
        f"{LINE}::test_what_makes_no_sense_is_refused",
    ),
    "`forage` refuses an empty goal": (
        f"{LINE}::test_what_makes_no_sense_is_refused",
        f"{CONTRACT}::test_a_goal_of_nothing_is_refused",
    ),
    "`forage` refuses an instance that is down": (f"{CONTRACT}::test_forage_and_logs_of_an_instance_that_is_down",),
    "`forage` refuses a workspace with changes, unless `--force`": (
        f"{LINE}::test_one_workspace_has_one_instance_and_its_changes_are_committed",
    ),
    "`watch` tells bids, grants, reviews and rework": (
        f"{LINE}::test_watch_tells_bids_grants_reviews_and_rework",
        f"{LINE}::test_watch_tells_what_changes_while_it_looks",
    ),
    "`watch` and `hoard` select by `--since`, `--until`, `--type` and `--agent`": (
        f"{LINE}::test_all_filters_must_match",
        f"{LINE}::test_hoard_and_watch_select",
        f"{LINE}::test_a_time_is_a_duration_before_now_or_rfc_3339",
    ),
    "`watch` prints its events as JSON": (f"{LINE}::test_hoard_and_watch_select",),
    "`watch --exit-on-completion` ends with the workflow": (f"{LINE}::test_watch_ends_with_the_workflow",),
    "`questions --wait` ends as soon as there is one": (f"{LINE}::test_questions_waits_for_one",),
    "`up` refuses a second instance on one workspace, unless `--force`": (
        f"{LINE}::test_one_workspace_has_one_instance_and_its_changes_are_committed",
    ),
    "`up` names the agents that are not well and those that cannot start": (
        f"{WIRE}::test_up_says_which_agent_is_not_well_and_which_cannot_start",
    ),
    "`up`, `status` and `down`, also after a killed `up`": (
        f"{PROCESSES}::test_up_status_and_down",
        f"{CONTRACT}::test_down_finds_what_a_killed_up_has_begun",
    ),
    "`logs orchestrator` prints what it wrote": (f"{CONTRACT}::test_the_log_of_an_orchestrator_that_is_up_is_shown",),
    "`logs` refuses an unknown role, and names the known ones": (
        f"{CONTRACT}::test_forage_and_logs_of_an_instance_that_is_down",
    ),
    "a sett is recorded and replayed": (
        f"{RECORDING}::test_a_replay_makes_the_same_artefacts_and_the_same_trace_without_any_command",
    ),
    "a sett runs on a virtual clock, for tests too": (
        f"{RECORDING}::test_two_simulations_are_the_same_whatever_the_machine_does",
        f"{TESTS}::test_a_sett_takes_its_course_on_the_clock_of_the_test",
    ),
    # ---- ours -------------------------------------------------------------------------------------------------
    "work is held by a lease, and that of a dead cub is done by the next": (
        f"{SETT}::test_work_that_is_cut_off_is_given_back_and_done_by_the_next",
        f"{PROCESSES}::test_a_sett_on_redis_survives_a_kill_of_anything",
    ),
    "a cub that has lost its lease cannot commit": (
        f"{SETT}::test_a_frozen_cub_that_wakes_after_its_lease_cannot_commit",
        f"{PROCESSES}::test_a_frozen_cub_that_wakes_commits_nothing",
    ),
    "one claim goes through all of a rework": (
        f"{HOLT}::test_CreateFeedbackClaim_Success_and_CheckPendingAssignmentClaims",
    ),
    "an expression bids before a script, a script before the strategy": (
        f"{SETT}::test_an_expression_goes_before_a_script_and_that_before_the_strategy",
    ),
    "an orchestrator that comes back goes on": (
        f"{SETT}::test_an_orchestrator_that_comes_back_goes_on_where_the_last_one_stopped",
        f"{HOSTILE}::test_a_sett_that_was_killed_goes_on_and_does_nothing_twice",
    ),
    # ---- demos and attacks ------------------------------------------------------------------------------------
    "demos of the first system run untouched, under bubblewrap and in containers, on SQLite and Redis": (
        f"{DEMOS}::test_a_demo_runs_to_its_end",
        f"{DEMOS}::test_an_original_demo_runs_to_its_end",
    ),
    "two runs on one board do each piece of work once": (f"{HOSTILE}::test_two_runs_of_one_instance_do_nothing_twice",),
    "an output that never ends is cut off": (f"{HOSTILE}::test_an_endless_output_is_a_failure",),
    "a Redis that goes away and comes back costs nothing": (f"{HOSTILE}::test_a_redis_that_goes_away_is_waited_for",),
    "hostile names in `sett.yml` are refused or shown inert": (
        f"{HOSTILE}::test_a_hostile_name_is_refused_or_harmless",
    ),
    # ---- Cognitia ---------------------------------------------------------------------------------------------
    "`queue get` and `TaskQueue.get` filter by `--priority`": (
        f"{COGNITIA}::test_get_filters_by_priority",
        "test_queue.py::test_get_claims_what_was_asked_for",
    ),
    "`queue get` filters by `--status`": ("test_queue.py::test_get_claims_what_was_asked_for",),
    "`queue put` takes an `--id`": (f"{COGNITIA}::test_put_takes_an_id_on_the_command_line",),
    "the registry lists by role, status and parent": (f"{COGNITIA}::test_list_agents_by_role_status_and_parent",),
    "`approval.at` has one form": (
        "test_plans.py::test_the_time_of_an_approval_from_outside_has_the_form_that_it_has_in_a_run",
    ),
    "`approval` is filled whoever approves": (
        f"{WORK}::test_approve_by_user_agent_and_system_persists",
        "test_plans.py::test_an_agent_approves",
    ),
    "`plan_create` without a goal is refused": (
        f"{WORK}::test_plan_tools_create_empty_goal",
        "test_plans.py::test_an_empty_goal_of_a_tool_is_refused",
    ),
    "the preset `minimal` has `tdd`": ("test_done.py::test_presets_are_extended_and_their_criteria_replaced",),
    "work of a team in the background lives until it is done": (
        f"{TEAMS}::test_work_in_the_background_goes_on_when_the_lead_is_done",
        f"{TEAMS}::test_the_lead_hears_of_work_in_the_background_with_its_next_task",
        f"{TEAMS}::test_the_team_is_stopped_with_its_work_in_the_background",
    ),
    "`cogc verify` leaves no file behind": ("test_done.py::test_every_kind_of_criterion_is_really_looked_at",),
    # ---- Cogito -----------------------------------------------------------------------------------------------
    "a message to a completed sub-agent resumes its conversation": (
        f"{COGITO}::test_SendAgentMessageResumesCompletedAgent",
        "test_agents.py::test_a_message_lets_a_completed_agent_go_on_with_its_conversation",
    ),
    "a detached agent outlives its starter": (
        f"{COGITO}::test_DetachedAgentSurvivesParentCancel",
        f"{REGISTRY}::test_a_detached_agent_outlives_the_one_that_started_it",
    ),
    "a hook sees each call of a tool of a sub-agent": (
        f"{COGITO}::test_SubAgentToolCallReachesParentCallback_with_the_id_of_the_agent",
    ),
    "a hook refuses a call, and says why": (
        f"{COGITO}::test_SubAgentToolRejectionIsHonored",
        f"{GATES}::test_a_call_that_is_refused_is_not_made_and_the_model_hears_why",
    ),
    "a hook changes the arguments of a call": (f"{GATES}::test_a_gate_changes_the_arguments_and_these_are_checked",),
    "a person may be the hook": (f"{GATES}::test_a_person_decides",),
    "the start of a sub-agent chooses its model": (
        f"{COGITO}::test_SpawnArgModelBeatsDefinition",
        f"{COGITO}::test_SpawnArgModel_is_one_that_the_declaration_allows",
    ),
    "the start of a sub-agent chooses its tools": (
        f"{COGITO}::test_ToolFiltering_to_requested_tools_only",
        f"{COGITO}::test_ToolFiltering_refuses_what_the_declaration_does_not_allow",
    ),
    "the start of a sub-agent gives its system text": (f"{COGITO}::test_System_text_of_the_moment",),
    "budgets hold whatever is chosen": (f"{COGITO}::test_Budgets_hold_for_the_model_of_the_moment",),
    "`metadata` of an agent reaches the run spec and the registry": (
        f"{COGITO}::test_AgentRunSpec_has_all_that_a_run_needs",
        f"{GATES}::test_metadata_reaches_the_registry",
    ),
    "`RunSpec.model` is the name of the model": (f"{COGITO}::test_AgentRunSpec_has_all_that_a_run_needs",),
    "`list_agents` gives the whole query": (f"{COGITO}::test_AgentManager_lists_all_with_the_whole_query",),
    "a dispatcher runs an agent, hands it back, or fails": (
        f"{COGITO}::test_ForegroundDispatch_routes_execution_through_the_dispatcher",
        f"{COGITO}::test_Fallback_runs_the_in_process_path",
        f"{DISPATCH}::test_anybodys_dispatcher_runs_hands_back_or_fails",
    ),
    "cancellation reaches sub-agents and their requests": (
        f"{COGITO}::test_ContextCancellation_cancels_sub_agents_with_their_parent",
    ),
}
