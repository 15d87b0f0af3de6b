namespace Metering.Architecture.Tests.Promises;

/// <summary>Dialect E: the product's own routes.</summary>
internal static class NativePromises
{
    public static readonly Promise[] All =
    [
        new("E", "POST /v1/credits/deduct: an amount, or product and quantity at its price; a receipt with transactionId, charged, credits, burned",
            "SpendingTests.A_deduction_answers_with_a_receipt_and_headers", "SpendingTests.A_product_is_charged_at_its_price"),
        new("E", "The default catalogue's prices; 97 results of lead.search are 12 credits",
            "CatalogueTests.The_default_catalogue_prices_as_documented", "CreditMeterConformance.A_search_costs_two_and_one_a_started_block_of_ten_and_nothing_without_results"),
        new("E", "POST /v1/credits/deduct/batch: at most 1,000, each item its own outcome",
            "SpendingTests.Each_item_of_a_batch_has_its_own_outcome", "BadInputTests.A_bad_batch_is_400_and_names_the_item", "CreditMeterConformance.A_batch_gives_each_item_an_outcome_and_charges_what_can_be_charged"),
        new("E", "POST /v1/records/access: at most 10,000 records, per record status, charged, expiresAt",
            "SpendingTests.The_second_retrieval_of_a_record_costs_nothing", "CreditMeterConformance.Ten_thousand_records_in_one_call_are_one_transaction", "RecordAccessTests.A_call_has_1_to_10_000_records_and_no_negative_limit"),
        new("E", "mode all_or_nothing | up_to", "CreditMeterConformance.All_or_nothing_refuses_whole_and_up_to_takes_what_can_be_paid", "SpendingTests.Up_to_and_max_credits_limit_what_a_call_may_cost"),
        new("E", "maxCredits; 0 = only what is already subscribed", "CreditMeterConformance.A_limit_of_0_allows_only_what_is_subscribed", "RecordAccessTests.A_limit_bounds_what_up_to_charges"),
        new("E", "POST /v1/transactions/{id}/refund: partial, never more than was charged",
            "RefundRouteTests.Partial_refunds_add_up_to_the_charge_and_no_further", "RefundRouteTests.Refunds_at_once_never_give_back_more_than_was_charged"),
        new("E", "A whole refund ends the record subscriptions that the charge started", "RefundRouteTests.A_whole_refund_of_a_records_charge_ends_its_subscription"),
        new("E", "Only deductions of the account itself can be refunded, and only with the scope refund",
            "RefundRouteTests.What_is_no_deduction_of_this_account_cannot_be_refunded", "RefundRouteTests.A_customers_key_gives_nothing_back"),
        new("E", "GET /v1/transactions by cursor", "SpendingTests.Transactions_are_paged_by_cursor_to_their_end", "SpendingTests.A_page_out_of_range_is_400"),
        new("E", "GET /v1/transactions/{id}: charged, not charged, still unknown",
            "SpendingTests.A_transaction_id_that_was_never_charged_says_so_and_a_malformed_one_is_400", "CreditMeterConformance.A_transaction_id_tells_charged_from_not_charged",
            "EngineFaultTests.A_transaction_on_its_way_is_unknown_until_it_is_durable"),
        new("E", "GET /v1/transactions/export: NDJSON and CSV, streamed, resumable",
            "ExportTests.Lines_are_the_rows_of_the_list_oldest_first", "ExportTests.It_goes_on_after_any_line_and_the_pieces_are_the_whole", "ExportTests.Csv_has_a_header_and_guards_against_formulas",
            "TransactionExportTests.It_reads_no_further_than_its_reader_keeps_up_with"),
        new("E", "POST /v1/coupons/redeem: once an account, expiring bonus", "CouponTests.A_coupon_gives_bonus_credits_that_end_when_it_says", "CouponTests.An_account_redeems_a_coupon_once_and_a_retry_gets_the_first_answer"),
        new("E", "A coupon's global limit holds, however many ask at once", "CouponTests.Many_accounts_at_once_get_no_more_than_the_limit"),
        new("E", "OpenAPI 3.1 at /openapi/v1.json lists every route", "OpenApiTests.It_is_openapi_3_1", "OpenApiTests.It_lists_every_mapped_route", "OpenApiTests.Every_operation_has_a_summary_schemas_and_an_example"),
    ];
}
