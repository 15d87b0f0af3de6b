using static Metering.Core.Tests.Scenario;

namespace Metering.Core.Tests;

public class PeriodTests
{
    [Fact]
    public void The_first_period_is_granted_when_the_account_opens()
    {
        var account = new Scenario("2026-03-10T09:30:00Z");
        Assert.Equal(["MONTHLY_RESET 100 2026-03-10"], account.Listed);
        var balance = account.State.ToBalance();
        Assert.Equal((10, At("2026-03-10T09:30:00Z"), At("2026-04-10T09:30:00Z")), (balance.ResetDay, balance.LastResetAt, balance.PeriodEnd));
    }

    [Fact]
    public void An_older_anchor_opens_in_the_period_of_today_and_grants_only_that()
    {
        var account = new Scenario("2026-03-10", anchor: "2025-01-31T12:00:00Z");
        Assert.Equal(["MONTHLY_RESET 100 2026-03-10"], account.Listed);
        var balance = account.State.ToBalance();
        Assert.Equal((31, At("2026-02-28T12:00:00Z"), At("2026-03-31T12:00:00Z")), (balance.ResetDay, balance.LastResetAt, balance.PeriodEnd));
    }

    [Theory]
    [InlineData("2026-03-10T00:00:00.001Z")]
    [InlineData("1926-03-09T00:00:00Z")]
    public void An_anchor_in_the_future_or_a_hundred_years_back_is_refused(string anchor)
    {
        var command = new Open { Terms = new("starter", Credits.Of(100), 1, false, AccessLevel.Platform), Anchor = At(anchor) };
        Assert.Equal("anchor", Account.Decide(Account.New(Id), command, At("2026-03-10")).Refusal!.Field);
    }

    [Fact]
    public void A_reset_forfeits_what_is_left_in_a_row_of_its_own_and_uses_nothing()
    {
        var account = new Scenario("2026-03-10T09:30:00Z");
        account.Give("25");
        account.Spend("43");
        account.To("2026-04-10T09:29:59.999Z");
        Assert.Equal("82", account.State.Available.ToString());
        account.To("2026-04-10T09:30:00Z");
        Assert.Equal(("100", "0", "0", "100"), account.Published);
        var rows = account.Rows.TakeLast(2).ToArray();
        Assert.Equal((TransactionType.Expiration, "-82", At("2026-04-10T09:30:00Z")), (rows[0].Type, rows[0].Amount.ToString(), rows[0].CreatedAt));
        Assert.Equal((TransactionType.MonthlyReset, "100", At("2026-04-10T09:30:00Z")), (rows[1].Type, rows[1].Amount.ToString(), rows[1].CreatedAt));
        Assert.Equal(At("2026-04-10T09:30:00Z"), account.State.LastResetAt);
    }

    [Fact]
    public void Bonus_and_permanent_credits_outlive_the_reset()
    {
        var account = new Scenario("2026-03-10");
        account.Give("25");
        account.Give("7", TransactionType.Purchase);
        account.Spend("5");
        account.To("2026-04-10");
        Assert.Equal(("100", "27", "0", "127"), account.Published);
    }

    [Fact]
    public void Three_months_without_a_process_give_a_row_a_month_at_its_due_time()
    {
        var account = new Scenario("2026-01-31");
        account.Spend("40");
        account.To("2026-05-02T10:00:00Z");
        Assert.Equal(
            [
                "MONTHLY_RESET 100 2026-01-31", "DEDUCTION -40 2026-01-31",
                "EXPIRATION -60 2026-02-28", "MONTHLY_RESET 100 2026-02-28",
                "EXPIRATION -100 2026-03-31", "MONTHLY_RESET 100 2026-03-31",
                "EXPIRATION -100 2026-04-30", "MONTHLY_RESET 100 2026-04-30",
            ],
            account.Listed);
        Assert.All(account.Rows.Skip(2), row => Assert.Equal(At("2026-05-02T10:00:00Z"), row.AppliedAt));
    }

    [Fact]
    public void A_month_that_was_spent_to_nothing_has_no_EXPIRATION_row()
    {
        var account = new Scenario("2026-03-10");
        account.Spend("100");
        account.To("2026-04-10");
        Assert.Equal(["MONTHLY_RESET", "DEDUCTION", "MONTHLY_RESET"], account.Rows.Select(row => row.Type.ToName()));
    }

    [Fact]
    public void A_bonus_that_ends_between_two_missed_resets_ends_between_their_rows()
    {
        var account = new Scenario("2026-01-10");
        account.Give("5", expiresAt: "2026-02-20");
        account.Give("6", expiresAt: "2026-03-10");
        account.To("2026-03-11");
        Assert.Equal(
            ["EXPIRATION -100 2026-02-10", "MONTHLY_RESET 100 2026-02-10", "EXPIRATION -5 2026-02-20", "EXPIRATION -6 2026-03-10", "EXPIRATION -100 2026-03-10", "MONTHLY_RESET 100 2026-03-10"],
            account.Listed.Skip(3));
    }

    [Fact]
    public void A_yearly_period_lasts_a_year()
    {
        var account = new Scenario("2024-02-29", periodMonths: 12);
        account.To("2025-02-27");
        Assert.Single(account.Rows);
        account.To("2025-02-28");
        Assert.Equal(["MONTHLY_RESET 100 2024-02-29", "EXPIRATION -100 2025-02-28", "MONTHLY_RESET 100 2025-02-28"], account.Listed);
        Assert.Equal(At("2028-02-29"), account.To("2028-03-01").State.LastResetAt);
    }

    [Fact]
    public void A_reset_that_is_not_paid_only_expires_and_the_grant_follows_the_payment()
    {
        var account = new Scenario("2026-03-10", paidThrough: "2026-04-10");
        account.Spend("40");
        account.To("2026-04-12");
        Assert.Equal(["MONTHLY_RESET 100 2026-03-10", "DEDUCTION -40 2026-03-10", "EXPIRATION -60 2026-04-10"], account.Listed);
        account.To("2026-04-15");
        account.Accept(account.Paying("2026-05-10", 1));
        Assert.Equal("MONTHLY_RESET 100 2026-04-15", account.Listed.Last());
        Assert.Equal("100", account.State.Available.ToString());
        account.Accept(account.Paying("2026-05-10", 2));
        Assert.Equal("100", account.State.Available.ToString());
        account.To("2026-05-09");
        Assert.Equal(4, account.Rows.Count());
    }

    [Fact]
    public void A_payment_ahead_grants_each_period_once_when_it_begins()
    {
        var account = new Scenario("2026-03-10", paidThrough: "2026-04-10");
        account.Accept(account.Paying("2026-06-10", 1));
        Assert.Single(account.Rows);
        account.To("2026-07-01");
        Assert.Equal(
            ["2026-03-10", "2026-04-10", "2026-05-10"],
            account.Rows.Where(row => row.Type == TransactionType.MonthlyReset).Select(row => row.CreatedAt.ToString("yyyy-MM-dd", null)));
        Assert.Equal("0", account.State.Available.ToString());
    }

    [Fact]
    public void A_payment_for_a_period_that_is_over_grants_nothing()
    {
        var account = new Scenario("2026-03-10", paidThrough: "2026-04-10");
        account.To("2026-05-20");
        account.Accept(account.Paying("2026-05-10", 1));
        Assert.Equal("0", account.State.Available.ToString());
        Assert.Equal(RefusalReason.SubscriptionInactive, account.Refuse(account.Spending("1")).Reason);
    }

    [Fact]
    public void After_the_paid_time_spending_is_refused_and_all_else_goes_on()
    {
        var account = new Scenario("2026-03-10", paidThrough: "2026-04-10");
        var spent = account.Spend("10");
        account.Access(Company("1"));
        account.Give("50", TransactionType.Purchase);
        account.To("2026-04-09T23:59:59.999Z").Spend("1");
        account.To("2026-04-10");
        Assert.Equal(RefusalReason.SubscriptionInactive, account.Refuse(account.Spending("1")).Reason);
        Assert.Equal(RefusalReason.SubscriptionInactive, account.Refuse(account.Accessing(Company("2"))).Reason);
        Assert.Equal("50", account.State.ToBalance().Available.ToString());
        Assert.Equal([RecordStatus.Active], account.Access(Company("1")).Select(verdict => verdict.Status));
        Assert.Equal([RecordStatus.Active], account.Access(Signals("1")).Select(verdict => verdict.Status));
        account.PayBack(spent);
        account.Accept(account.Adjusting("-20"));
        account.Accept(account.Paying("2026-05-10", 1));
        account.Spend("1");
    }

    [Fact]
    public void An_unpaid_account_still_hands_out_up_to_what_is_subscribed()
    {
        var account = new Scenario("2026-03-10", paidThrough: "2026-04-10");
        account.Access(Company("1"));
        account.Give("50");
        account.To("2026-04-10");
        var upTo = new AccessRecords { Records = [Company("2"), Company("1"), Company("free", "0")], Mode = AccessMode.UpTo };
        Assert.Equal([RecordStatus.Refused, RecordStatus.Active, RecordStatus.Refused], account.Send(upTo).Verdicts!.Select(verdict => verdict.Status));
    }

    [Fact]
    public void A_payment_never_moves_back_and_needs_a_billed_account()
    {
        var billed = new Scenario("2026-03-10", paidThrough: "2026-04-10");
        Assert.Equal("paidThrough", billed.Refuse(billed.Paying("2026-04-09T23:59:59.999Z", 1)).Field);
        var free = new Scenario("2026-03-10");
        Assert.Equal("paidThrough", free.Refuse(free.Paying("2026-05-10", 1)).Field);
    }

    [Fact]
    public void A_clock_that_goes_back_does_not_take_the_accounts_time_back()
    {
        var account = new Scenario("2026-03-10");
        account.To("2026-04-10T00:00:01Z");
        account.To("2026-04-09");
        var spent = account.Spend("1");
        Assert.Equal(At("2026-04-10T00:00:01Z"), spent.CreatedAt);
        Assert.Equal("99", account.State.Available.ToString());
    }

    [Fact]
    public void Instants_that_callers_name_are_kept_in_UTC_and_whole_milliseconds()
    {
        var fine = new DateTimeOffset(2026, 2, 1, 2, 0, 0, TimeSpan.FromHours(5)).AddTicks(12_345_678);
        var account = Account.New(Id);
        var now = At("2026-03-10");
        Account.Evolve(account, Account.Decide(account, new Open { Terms = new("starter", Credits.Of(100), 1, false, AccessLevel.Platform), Anchor = fine, PaidThrough = fine.AddMonths(3) }, now).Entry!);
        Assert.Equal((At("2026-01-31T21:00:01.234Z"), TimeSpan.Zero), (account.Anchor, account.Anchor.Offset));
        Assert.Equal(31, account.ToBalance().ResetDay);
        while (Account.DecideDue(account, now) is { } due)
        {
            Account.Evolve(account, due);
        }

        var grant = Assert.IsType<CreditsGranted>(Account.Decide(account, new Grant { Kind = TransactionType.Bonus, Amount = Credits.Of(1), ExpiresAt = fine.AddMonths(3) }, now).Entry);
        var payment = Assert.IsType<PaymentRecorded>(Account.Decide(account, new RecordPayment { PaidThrough = fine.AddMonths(4), ExternalReference = 1 }, now).Entry);
        Assert.All(
            new[] { grant.ExpiresAt!.Value, payment.PaidThrough, account.PaidThrough!.Value },
            instant => Assert.Equal((0, TimeSpan.Zero), (instant.Ticks % TimeSpan.TicksPerMillisecond, instant.Offset)));
        Assert.Equal(Bytes.OfSnapshot(account), Bytes.OfSnapshot(SnapshotCodec.Decode(Id, Bytes.OfSnapshot(account))));
        Assert.Equal(account.Anchor, SnapshotCodec.Decode(Id, Bytes.OfSnapshot(account)).Anchor);
    }
}
