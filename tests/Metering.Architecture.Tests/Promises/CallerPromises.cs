namespace Metering.Architecture.Tests.Promises;

/// <summary>Authentication, and dialects A to C.</summary>
internal static class CallerPromises
{
    public static readonly Promise[] Authentication =
    [
        new("Auth", "One account has one pool; whatever key prefix or dialect a caller comes through spends and reads it",
            "AuthenticationTests.Only_configured_prefixes_are_looked_up", "BalanceFormulaTests.The_formula_holds_after_every_command"),
        new("Auth", "Authorization: Bearer KEY or X-API-Key: KEY on every route, header names in any case", "AuthenticationTests.Either_header_opens_every_route_in_any_case"),
        new("Auth", "Both headers with different keys: 400", "AuthenticationTests.The_same_key_in_both_headers_is_fine_and_different_ones_are_400"),
        new("Auth", "A key is a configured prefix and 64 lowercase hex digits; only its SHA-256 and first 12 characters are stored",
            "AuthenticationTests.A_new_key_is_a_prefix_and_64_hex_digits_and_only_its_hash_is_stored", "ConfigurationTests.Prefixes_are_read"),
        new("Auth", "Expired, revoked, malformed or unknown: 401 and no X-Credits-Remaining", "AuthenticationTests.A_key_that_does_not_work_is_401_without_a_balance_on_every_route"),
        new("Auth", "A revoked key opens nothing within a second, anywhere",
            "AuthenticationTests.A_revoked_key_stops_working_at_once_though_it_was_used_before", "ApiKeyMemoryTests.A_key_that_another_process_revoked_opens_nothing_a_second_later"),
        new("Auth", "Every authenticated answer, errors included, carries X-Credits-Remaining, a plain decimal without trailing zeros",
            "ErrorShapeTests.Unknown_routes_and_wrong_methods_answer_in_their_dialect", "AuthenticationTests.A_missing_scope_is_403_with_the_balance_and_changes_nothing",
            "CheckCreditsTests.The_header_is_a_plain_decimal_without_trailing_zeros"),
        new("Auth", "A call that charged carries X-Credits-Cost", "SpendingTests.A_deduction_answers_with_a_receipt_and_headers", "SpendingTests.The_second_retrieval_of_a_record_costs_nothing"),
        new("Auth", "Each plan has limits a key: requests a minute and a day, by configuration, none by default",
            "ConfigurationTests.Limits_a_key_are_a_plans_own_and_none_by_default", "RateLimitTests.The_day_counts_beside_the_minute_and_the_narrower_window_is_told",
            "RateLimitTests.Each_key_has_a_window_of_its_own_and_a_plan_without_limits_none"),
        new("Auth", "The soft mode only reports", "RateLimitTests.The_mode_that_reports_serves_every_call"),
        new("Auth", "The credits and health routes have no limits", "RateLimitTests.Credits_and_health_are_never_limited_and_tell_no_window"),
        new("Auth", "Limited routes carry RateLimit-* in seconds and X-RateLimit-* in Unix time, also on errors",
            "RateLimitTests.Every_answer_of_a_limited_route_tells_the_window", "RateLimitTests.A_fault_of_the_service_tells_the_window_too"),
        new("Auth", "A 429 carries Retry-After and changes nothing",
            "RateLimitTests.The_call_beyond_the_limit_is_429_and_changes_nothing_until_the_window_ends", "RateLimitTests.A_429_has_the_shape_of_its_dialect"),
        new("Auth", "Every response carries X-Request-Id", "ErrorShapeTests.A_valid_request_id_is_echoed_and_another_is_replaced", "OpenApiTests.Every_answer_has_its_headers"),
    ];

    public static readonly Promise[] Profile =
    [
        new("A", "GET /api/v1/me: the profile, plan, subscription state, period end, settings, and every bucket with their sum", "ProfileTests.Me_has_the_profile_the_plan_and_every_bucket"),
        new("A", "Starter, Growth and Scale are credit-based; Platinum and Enterprise say unlimited: true",
            "CatalogueTests.Starter_growth_and_scale_are_credit_based_and_platinum_and_enterprise_are_not", "ProfileTests.Plans_that_are_not_credit_based_say_so"),
        new("A", "On an unlimited plan calls are recorded at 0 and credits is what the account holds",
            "ProfileTests.Calls_on_an_unlimited_plan_are_recorded_at_0_and_credits_is_what_the_account_holds", "CreditMeterConformance.Unlimited_plans_record_calls_at_0"),
        new("A", "PATCH /api/v1/me: any of firstName, lastName, companyName, companyWebsite; only what is sent changes",
            "ProfileTests.A_patch_changes_only_what_is_sent", "DirectoryStoreConformance.A_change_of_a_profile_touches_only_the_fields_that_it_names"),
        new("A", "PATCH /api/v1/me with nothing valid: 400 that names the allowed fields", "ProfileTests.A_bad_patch_is_400_and_changes_nothing"),
        new("A", "PATCH /api/v1/me: each field has its limit", "ProfileTests.A_name_may_be_as_long_as_its_limit_and_no_longer"),
        new("A", "Errors are {error: snake_code, message}", "ProfileTests.An_error_has_a_code_and_a_message", "ErrorShapeTests.Unknown_routes_and_wrong_methods_answer_in_their_dialect"),
    ];

    public static readonly Promise[] LeadCredits =
    [
        new("B", "The envelope is {success, data, meta}, errors {success: false, error}, 401 with statusCode and message",
            "LeadCreditsTests.The_documents_transactions_come_out", "LeadCreditsTests.A_missing_key_is_401_with_status_code_and_message", "ErrorShapeTests.A_fault_in_dialect_b_has_its_shape"),
        new("B", "The document's figures: 100, 25, 43 used, 82 available; after the reset used 0 and bonus 0",
            "LeadCreditsTests.The_documents_balance_comes_out", "LeadCreditsTests.After_the_reset_used_is_0_and_spent_bonus_is_gone"),
        new("B", "availableCredits = monthlyCredits + bonusCredits - usedCredits, literally, after every command", "BalanceFormulaTests.The_formula_holds_after_every_command"),
        new("B", "usedCredits is what was spent since the last reset less refunds of it; a refund of an earlier period counts as granted",
            "BalanceFormulaTests.The_formula_holds_after_every_command", "RefundTests.A_refund_of_an_earlier_window_does_not_touch_what_is_used_in_this_one"),
        new("B", "bonusCredits stands for all that carries forward; carriedPermanentCredits shows the permanent part", "LeadCreditsTests.Permanent_credits_count_as_carried_and_are_shown_apart"),
        new("B", "An upgrade opens a new window: used 0, lastResetAt now, resetDay kept", "PlanTests.An_upgrade_keeps_what_is_unused_grants_the_new_allotment_and_opens_a_window"),
        new("B", "A debt settles as a negative ADJUSTMENT", "DebtTests.The_months_allotment_settles_first_and_so_does_a_refund", "CreditMeterConformance.A_dispute_takes_what_is_unspent_and_the_next_credits_settle_the_rest"),
        new("B", "GET transactions: newest first, limit 1..100 (50), offset (0), total; the document's rows come out",
            "LeadCreditsTests.The_documents_transactions_come_out", "LeadCreditsTests.Pages_follow_limit_and_offset_and_a_cursor_does_not_drift"),
        new("B", "limit or offset outside: 400", "LeadCreditsTests.A_page_out_of_range_is_400_and_names_the_parameter"),
        new("B", "A cursor does not drift while new rows arrive",
            "LeadCreditsTests.Pages_follow_limit_and_offset_and_a_cursor_does_not_drift", "CreditMeterConformance.Transactions_are_paged_newest_first_by_offset_and_by_a_cursor_that_does_not_drift"),
        new("B", "The types of transactions have the documents' names", "IdTests.Types_of_transactions_are_named_as_in_the_documents"),
        new("B", "Monthly reset on the billing anniversary, at the anchor's time of day, UTC; days 29 to 31 clamp and return",
            "CalendarTests.Every_anchor_day_begins_its_months_on_that_day_or_the_months_last", "CalendarTests.January_31_becomes_the_end_of_February_and_March_31_again"),
        new("B", "Bonus carries forward and is spent first", "PeriodTests.Bonus_and_permanent_credits_outlive_the_reset", "SpendingTests.Bonus_is_spent_before_monthly_before_permanent"),
        new("B", "A reset that found the process down is applied late: one row a missed month, createdAt its due time",
            "PeriodTests.Three_months_without_a_process_give_a_row_a_month_at_its_due_time", "CreditMeterConformance.Resets_that_found_the_process_down_are_entered_late_one_a_month_at_their_due_time",
            "DueQueueTests.A_process_that_was_down_for_three_months_enters_one_row_a_missed_month"),
        new("B", "The forfeited remainder is an EXPIRATION row of its own", "PeriodTests.A_reset_forfeits_what_is_left_in_a_row_of_its_own_and_uses_nothing"),
        new("B", "Only paid periods grant; accounts that are not billed are granted every period",
            "PeriodTests.A_reset_that_is_not_paid_only_expires_and_the_grant_follows_the_payment", "CreditMeterConformance.Only_paid_periods_grant_spending_waits_for_a_renewal_and_the_grant_follows_the_payment"),
        new("B", "Periods are months or years", "PeriodTests.A_yearly_period_lasts_a_year", "CreditMeterConformance.A_yearly_period_lasts_twelve_months"),
        new("B", "After a cancelled period's end reads go on, spending is 402 subscription_inactive, carried credits wait for a renewal",
            "ProfileTests.An_unpaid_subscription_is_inactive_and_can_still_be_read", "ReturningCustomerTests.A_purchase_with_the_accounts_key_renews_it_for_the_rest_of_its_period_and_then_whole_ones",
            "PlanTests.A_cancelled_subscription_ends_with_its_period_and_credits_wait_for_the_renewal"),
        new("B", "POST /api/v1/api-keys: the full key once", "ApiKeyRouteTests.A_new_key_is_shown_once_and_works"),
        new("B", "A key's name has at most 100 characters, its expiry is optional and in the future",
            "ApiKeyRouteTests.A_name_may_have_100_characters_and_no_more", "ApiKeyRouteTests.A_bad_request_is_400_and_says_what_is_allowed"),
        new("B", "At most 10 active keys, however many ask at once",
            "ApiKeyRouteTests.The_eleventh_active_key_is_409_and_is_not_made", "ApiKeyRouteTests.Ten_is_the_most_however_many_ask_at_once", "DirectoryStoreConformance.Many_makers_at_once_never_make_more_keys_than_allowed"),
        new("B", "GET /api/v1/api-keys lists active keys and no secret", "ApiKeyRouteTests.A_new_key_is_shown_once_and_works"),
        new("B", "DELETE /api/v1/api-keys/{id} revokes at once and says the same again; a stranger's key is 404",
            "ApiKeyRouteTests.A_revoked_key_opens_nothing_and_revoking_again_says_the_same", "ApiKeyRouteTests.A_key_of_another_account_and_one_that_never_was_are_404"),
        new("B", "Rotation: a new key of the same name and scopes, the old one works until the grace is over",
            "ApiKeyRouteTests.A_rotated_key_works_beside_the_new_one_until_the_grace_is_over", "ApiKeyRouteTests.Without_grace_the_old_key_ends_at_once_and_without_a_body_in_a_day",
            "ApiKeyMemoryTests.A_key_that_was_replaced_without_grace_opens_nothing_from_then_on"),
    ];

    public static readonly Promise[] CheckCredits =
    [
        new("C", "GET /v1/credits: {\"credits\": 15432.50}, fractional, as the document prints it", "CheckCreditsTests.Whole_amounts_are_bare_and_others_have_two_decimals_at_least"),
        new("C", "Checking is free, never rate limited, never written to the ledger",
            "CheckCreditsTests.Checking_is_free_and_leaves_no_row", "RateLimitTests.Credits_and_health_are_never_limited_and_tell_no_window"),
        new("C", "POST /v1/credits/refresh waits for the account's queue and reloads; concurrent calls share one reload",
            "RefreshTests.A_refresh_waits_for_the_queue_and_concurrent_ones_share_one_reload", "RefreshTests.Refreshing_under_load_loses_no_charge_and_shows_no_balance_that_never_was",
            "CreditMeterConformance.Refreshing_changes_nothing_however_many_ask_at_once_beside_spenders"),
        new("C", "GET /v1/credits/health: validity, account, plan, key expiry, scopes", "CheckCreditsTests.Health_tells_what_the_key_is_good_for"),
        new("C", "Health is 401 where the key is not valid", "CheckCreditsTests.Health_is_401_once_the_key_has_expired"),
        new("C", "Errors are application/problem+json", "ErrorShapeTests.Unknown_routes_and_wrong_methods_answer_in_their_dialect"),
    ];
}
