namespace Metering.Architecture.Tests.Promises;

/// <summary>Dialect D: record subscriptions.</summary>
internal static class RecordPromises
{
    public static readonly Promise[] All =
    [
        new("D", "1 credit buys one record for twelve calendar months from the first charge, fixed, to the end of that day in UTC",
            "RecordAccessTests.A_record_is_charged_once_and_costs_nothing_for_twelve_months", "CalendarTests.A_record_subscription_ends_with_the_day_twelve_months_later",
            "SpendingTests.The_second_retrieval_of_a_record_costs_nothing"),
        new("D", "Feb 29 -> Feb 28", "RecordAccessTests.A_record_of_February_29_lasts_to_the_end_of_February_28"),
        new("D", "In that time the record costs 0 by whatever key, in whatever batch, across restarts",
            "CreditMeterConformance.A_record_costs_once_in_twelve_months_across_restarts", "CreditMeterConformance.A_record_twice_in_one_call_is_charged_once_and_a_contact_is_not_the_company_of_its_id"),
        new("D", "Under a company subscription signals, financials and news cost 0; without one their own price, and they start none",
            "CreditMeterConformance.Signals_are_free_under_a_company_subscription_and_cost_their_price_without",
            "RecordAccessTests.Under_a_subscription_covered_products_cost_nothing_and_without_one_their_price_and_start_none", "SpendingTests.What_an_active_company_covers_costs_nothing"),
        new("D", "POST /v1/records/visits: a visiting company gets a subscription by itself, free",
            "RecordSubscriptionTests.A_visit_starts_a_free_subscription_and_reporting_it_again_changes_nothing", "CreditMeterConformance.A_visitor_is_free_for_twelve_months_across_restarts"),
        new("D", "Visits are idempotent, with a key and without", "RecordSubscriptionTests.Visits_are_idempotent_under_a_key", "VisitTests.An_active_subscription_stays_as_it_is"),
        new("D", "Visits out of range are 400 and start nothing",
            "RecordSubscriptionTests.Bad_visits_are_400_and_start_nothing", "RecordSubscriptionTests.A_thousand_companies_may_visit_in_one_call_and_no_more"),
        new("D", "Levels trial, web_visitors, api_only, platform; above the account's: 403 that names the level",
            "RecordSubscriptionTests.Each_level_opens_its_products_and_the_refusal_names_the_one_that_is_needed", "SpendingTests.A_product_above_the_accounts_level_is_403_and_names_the_level"),
        new("D", "Unused period credits expire at the period's end, record subscriptions don't",
            "PeriodTests.A_reset_forfeits_what_is_left_in_a_row_of_its_own_and_uses_nothing", "CreditMeterConformance.A_record_costs_once_in_twelve_months_across_restarts"),
        new("D", "Top-ups by an operator or by purchase are permanent credits", "GrantTests.A_grant_goes_to_the_bucket_of_its_source"),
        new("D", "Concurrent retrievals of one record charge once",
            "CreditMeterConformance.Concurrent_retrievals_of_one_record_charge_once", "SpendingTests.Concurrent_retrievals_of_a_record_charge_once"),
        new("D", "A record not found costs nothing and starts nothing", "SpendingTests.Nothing_found_is_recorded_at_zero"),
        new("D", "GET /v1/records: cursor, by type, expiring soon",
            "RecordSubscriptionTests.Subscriptions_are_listed_by_page_type_and_nearness_of_their_end", "CreditMeterConformance.Pages_of_records_follow_each_other_whatever_lies_between",
            "RecordSubscriptionTests.A_list_out_of_range_is_400_and_names_the_parameter"),
    ];
}
