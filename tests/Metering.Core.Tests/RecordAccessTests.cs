using static Metering.Core.Tests.Scenario;

namespace Metering.Core.Tests;

public class RecordAccessTests
{
    [Fact]
    public void A_record_is_charged_once_and_costs_nothing_for_twelve_months()
    {
        var account = new Scenario("2026-03-10T15:00:00Z");
        var first = account.Access(Company("1"));
        Assert.Equal((RecordStatus.Subscribed, "1", At("2027-03-11")), (first[0].Status, first[0].Charged.ToString(), first[0].LastDay!.Value.End));
        var rows = account.Rows.Count();
        var second = account.Access(Company("1"));
        Assert.Equal((RecordStatus.Active, "0", At("2027-03-11")), (second[0].Status, second[0].Charged.ToString(), second[0].LastDay!.Value.End));
        Assert.Equal(rows, account.Rows.Count());
        account.To("2027-03-10T23:59:59.999Z");
        Assert.Equal(RecordStatus.Active, account.Access(Company("1"))[0].Status);
        account.To("2027-03-11");
        Assert.Equal(RecordStatus.Subscribed, account.Access(Company("1"))[0].Status);
    }

    [Fact]
    public void A_record_of_February_29_lasts_to_the_end_of_February_28()
    {
        var account = new Scenario("2024-02-29T23:00:00Z");
        account.Access(Company("1"));
        Assert.Equal(RecordStatus.Active, account.To("2025-02-28T23:59:59.999Z").Access(Company("1"))[0].Status);
        Assert.Equal(RecordStatus.Subscribed, account.To("2025-03-01").Access(Company("1"))[0].Status);
    }

    [Fact]
    public void A_record_that_comes_twice_in_one_call_is_charged_once()
    {
        var account = new Scenario("2026-03-10");
        var verdicts = account.Access(Company("1"), Company("2"), Company("1"));
        Assert.Equal([RecordStatus.Subscribed, RecordStatus.Subscribed, RecordStatus.Active], verdicts.Select(verdict => verdict.Status));
        Assert.Equal(("2", 2), (account.State.UsedMonthly.ToString(), Assert.IsType<CreditsSpent>(account.Rows.Last()).Records.Length));
        Assert.Equal(verdicts[0].LastDay, verdicts[2].LastDay);
    }

    [Fact]
    public void Under_a_subscription_covered_products_cost_nothing_and_without_one_their_price_and_start_none()
    {
        var account = new Scenario("2026-03-10");
        var uncovered = account.Access(Signals("1"));
        Assert.Equal((RecordStatus.Active, "1", null), (uncovered[0].Status, uncovered[0].Charged.ToString(), uncovered[0].LastDay));
        Assert.Equal("1", account.Access(Signals("1"))[0].Charged.ToString());
        account.Access(Company("1"));
        Assert.Equal("0", account.Access(Signals("1"))[0].Charged.ToString());
        Assert.Equal("97", account.State.Available.ToString());
    }

    [Fact]
    public void A_company_in_the_same_call_covers_its_signals_in_either_order()
    {
        foreach (var records in new[] { new[] { Company("1"), Signals("1") }, [Signals("1"), Company("1")] })
        {
            var account = new Scenario("2026-03-10");
            var verdicts = account.Access(records);
            Assert.Equal("99", account.State.Available.ToString());
            Assert.Equal(1, verdicts.Count(verdict => verdict.Status == RecordStatus.Subscribed));
        }
    }

    [Fact]
    public void All_or_nothing_charges_for_all_or_for_none()
    {
        var account = new Scenario("2026-03-10", allotment: "2");
        var refusal = account.Refuse(account.Accessing(Company("1"), Company("2"), Company("3")));
        Assert.Equal((RefusalReason.InsufficientCredits, "3", "2"), (refusal.Reason, refusal.Required.ToString(), refusal.Available.ToString()));
        account.Access(Company("1"), Company("2"));
        Assert.Equal("0", account.State.Available.ToString());
    }

    [Fact]
    public void Up_to_charges_in_order_as_far_as_credits_last()
    {
        var account = new Scenario("2026-03-10", allotment: "2.5");
        var upTo = new AccessRecords { Records = [Company("1"), Company("2"), Company("3"), Company("1")], Mode = AccessMode.UpTo };
        Assert.Equal(
            [RecordStatus.Subscribed, RecordStatus.Subscribed, RecordStatus.Refused, RecordStatus.Active],
            account.Send(upTo).Verdicts!.Select(verdict => verdict.Status));
        Assert.Equal("0.5", account.State.Available.ToString());
        Assert.Equal(RecordStatus.Refused, account.Send(new AccessRecords { Records = [Company("3")], Mode = AccessMode.UpTo }).Verdicts![0].Status);
    }

    [Fact]
    public void A_limit_of_zero_hands_out_only_what_is_subscribed()
    {
        var account = new Scenario("2026-03-10");
        account.Access(Company("1"));
        var nothing = account.Refuse(new AccessRecords { Records = [Company("1"), Company("2")], MaxCredits = Credits.Zero });
        Assert.Equal((RefusalReason.MaxCreditsExceeded, "1"), (nothing.Reason, nothing.Required.ToString()));
        var upTo = account.Send(new AccessRecords { Records = [Company("1"), Company("2")], MaxCredits = Credits.Zero, Mode = AccessMode.UpTo });
        Assert.Equal([RecordStatus.Active, RecordStatus.Refused], upTo.Verdicts!.Select(verdict => verdict.Status));
        Assert.Null(upTo.Entry);
    }

    [Fact]
    public void A_limit_bounds_what_up_to_charges()
    {
        var account = new Scenario("2026-03-10");
        account.Send(new AccessRecords { Records = [.. Enumerable.Range(1, 9).Select(id => Company($"{id}"))], MaxCredits = Credits.Of(4), Mode = AccessMode.UpTo });
        Assert.Equal("96", account.State.Available.ToString());
    }

    [Fact]
    public void A_full_refund_ends_the_subscriptions_of_the_charge_and_a_partial_one_does_not()
    {
        var account = new Scenario("2026-03-10");
        account.Access(Company("1"), Company("2"));
        var spent = account.Rows.Last();
        account.PayBack(spent, "1");
        Assert.Equal(RecordStatus.Active, account.Access(Company("1"))[0].Status);
        account.PayBack(spent, "1");
        Assert.Equal([RecordStatus.Subscribed, RecordStatus.Subscribed], account.Access(Company("1"), Company("2")).Select(verdict => verdict.Status));
        Assert.Equal("98", account.State.Available.ToString());
    }

    [Fact]
    public void A_late_refund_leaves_the_subscription_that_a_later_charge_started()
    {
        var account = new Scenario("2026-03-10");
        account.Access(Company("1"));
        var spent = account.Rows.Last();
        account.To("2027-03-15");
        account.Access(Company("1"));
        account.PayBack(spent);
        Assert.Equal(RecordStatus.Active, account.Access(Company("1"))[0].Status);
    }

    [Fact]
    public void A_call_has_1_to_10_000_records_and_no_negative_limit()
    {
        var account = new Scenario("2026-03-10");
        Assert.Equal("records", account.Refuse(account.Accessing()).Field);
        Assert.Equal("records", account.Refuse(account.Accessing([.. Enumerable.Range(0, 10_001).Select(id => Company($"{id}"))])).Field);
        Assert.Equal("maxCredits", account.Refuse(new AccessRecords { Records = [Company("1")], MaxCredits = new(-1) }).Field);
    }

    [Fact]
    public void Ids_and_types_of_records_are_checked_again_in_the_account()
    {
        var account = new Scenario("2026-03-10");
        Assert.Equal("records[1].id", account.Refuse(account.Accessing(Company("1"), Company("2") with { Id = "a\u0007" })).Field);
        Assert.Equal("records[0].id", account.Refuse(account.Accessing(Company("1") with { Id = string.Empty })).Field);
        Assert.Equal("records[0].id", account.Refuse(account.Accessing(Company("1") with { Id = "\ud800" })).Field);
        Assert.Equal("records[0].type", account.Refuse(account.Accessing(Company("1") with { Type = "Company" })).Field);
        Assert.Equal("records[0].type", account.Refuse(account.Accessing(Company("1") with { Type = string.Empty })).Field);
    }

    [Fact]
    public void A_bill_above_64_bits_is_refused_and_does_not_overflow()
    {
        var account = new Scenario("2026-03-10");
        var dearest = Enumerable.Range(0, 10_000).Select(id => Company($"{id}", "1000000000000")).ToArray();
        var refusal = account.Refuse(account.Accessing(dearest));
        Assert.Equal((RefusalReason.InvalidRequest, "records"), (refusal.Reason, refusal.Field));
        var upTo = account.Send(new AccessRecords { Records = [Company("cheap"), .. dearest.Take(9_999)], Mode = AccessMode.UpTo });
        Assert.Equal(1, upTo.Verdicts!.Count(verdict => verdict.Status == RecordStatus.Subscribed));
    }
}
