namespace Metering.Architecture.Tests.Promises;

/// <summary>Dialect A, the part that sells and sets accounts up.</summary>
internal static class PaymentPromises
{
    public static readonly Promise[] All =
    [
        new("A", "Every status that a route's table names comes about, in the dialect's shape", "DialectAStatusTests.Every_status_comes_about_in_the_dialects_shape",
            "DialectAStatusTests.No_route_of_the_dialect_is_left_out"),
        new("A", "POST /api/v1/purchase: 201 with checkoutUrl, claimToken, expiresAt (24 h), plan and message; bad e-mail or plan 400",
            "PurchaseTests.A_purchase_is_a_page_to_pay_on_and_a_token_to_claim_with", "PurchaseTests.What_cannot_be_bought_is_400_and_does_not_count"),
        new("A", "POST /api/v1/purchase: active subscription 409, no provider 503, 5 an hour and address",
            "PurchaseTests.An_active_subscription_is_409_and_an_address_in_another_spelling_is_the_same", "PurchaseTests.Without_a_provider_nothing_is_for_sale",
            "PurchaseTests.The_sixth_purchase_of_an_hour_is_429_and_another_address_is_not_meant"),
        new("A", "POST /api/v1/claim-key: the key once; pending 202, wrong e-mail 403, unknown 404, claimed 409, expired 410",
            "PurchaseTests.A_paid_purchase_opens_the_account_grants_the_first_month_and_hands_the_key_out_once", "PurchaseTests.Claims_say_what_is_wrong", "PurchaseTests.Of_claims_at_once_one_gets_the_key"),
        new("A", "A pending answer for a valid (e-mail, token) pair does not count against the 30 an hour; a wrong one does", "PurchaseTests.Pending_polls_do_not_count_and_wrong_ones_do"),
        new("A", "checkoutUrl is a page that a person can pay, decline, authenticate or abandon on, with any browser, keyboard and screen",
            "CheckoutPageTests.Whoever_pays_can_claim_a_key_that_works", "CheckoutPageTests.Without_a_script_and_with_the_keyboard_alone_it_pays", "PageQualityTests.On_a_narrow_screen_nothing_is_cut_off_and_buttons_can_be_hit",
            "PageQualityTests.Every_page_has_a_language_a_title_one_heading_named_buttons_and_texts_that_can_be_read"),
        new("A", "After payment the webhook provisions once: account, first month, key, mail; twice, late or out of order",
            "WebhookTests.Twice_and_out_of_order_provisions_once", "PurchaseTests.The_key_is_mailed_once_and_lies_nowhere_in_plain_text"),
        new("A", "A mail goes out once, encrypted to a server that is trusted; it waits through restarts, and is given up only where it is refused for good",
            "SmtpTests.A_mail_arrives_once_whole_and_by_the_login_that_was_set", "SmtpTests.What_a_server_refuses_for_good_is_given_up_and_told", "SmtpOnServerTests.A_mail_that_waits_is_kept_through_a_restart",
            "SmtpOnServerTests.A_key_is_mailed_encrypted_to_a_server_whose_certificate_the_system_trusts"),
        new("A", "POST /api/v1/purchase-credits: 101 credits on Growth cost 758 cents; by creditCount or dollarAmount", "CreditPurchaseTests.Credits_cost_what_the_plan_says_rounded_half_up",
            "CreditPurchaseTests.Dollars_buy_whole_credits_and_only_those_are_charged", "CreditPurchaseTests.What_cannot_be_bought_is_400_and_nothing_is_charged"),
        new("A", "Declined: 402 card_declined, nothing granted; authentication needed: 402 with a paymentUrl; other plans 403",
            "CreditPurchaseTests.A_declined_card_is_402_grants_nothing_and_the_same_key_may_succeed_later",
            "CreditPurchaseTests.A_card_that_asks_for_authentication_is_402_with_a_page_and_grants_once_it_is_paid", "CreditPurchaseTests.Plans_without_credits_are_403"),
        new("A", "Money taken is credits granted, to the cent and the credit", "StripeTests.Money_taken_is_credits_granted"),
        new("A", "POST /api/v1/subscription/cancel: at the period's end; none active 404; twice is the same", "CreditPurchaseTests.Cancelling_keeps_access_until_the_period_ends_and_twice_is_the_same"),
        new("A", "POST /api/v1/subscription/change-plan: up when its prorated invoice is paid, down at renewal; declined 402, nothing changed",
            "PlanChangeTests.An_upgrade_keeps_unused_credits_for_good_and_grants_the_new_allotment", "PlanChangeTests.A_declined_upgrade_is_402_and_changes_nothing",
            "PlanChangeTests.A_downgrade_begins_with_the_next_period_and_can_be_withdrawn"),
        new("A", "The lead database may be switched after a cooldown: 403 with the days that remain", "SetupTests.The_lead_database_is_chosen_and_stays_for_the_cooldown"),
        new("A", "Categories and keywords: 5 calls a minute, by a local suggester or a model; whatever the model does, there is an answer",
            "SetupTests.The_sixth_call_of_a_minute_is_429", "SetupTests.Categories_are_ranked_by_the_words_of_the_description", "ModelTests.Whatever_else_it_answers_the_words_of_the_description_do",
            "ModelTests.A_model_that_thinks_for_too_long_is_left_after_the_time_that_is_set"),
    ];
}
