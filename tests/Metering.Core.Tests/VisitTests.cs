using static Metering.Core.Tests.Scenario;

namespace Metering.Core.Tests;

public class VisitTests
{
    [Fact]
    public void A_visitor_gets_a_subscription_that_costs_nothing_and_lasts_from_the_day_of_the_visit()
    {
        var account = new Scenario("2026-03-10T15:00:00Z");
        var rows = account.Rows.Count();
        var verdicts = account.Send(Visiting("2026-03-08T23:59:00Z", "1", "2", "1")).Verdicts!;
        Assert.Equal([RecordStatus.Subscribed, RecordStatus.Subscribed, RecordStatus.Active], verdicts.Select(verdict => verdict.Status));
        Assert.All(verdicts, verdict => Assert.Equal((Credits.Zero, At("2027-03-09")), (verdict.Charged, verdict.LastDay!.Value.End)));
        Assert.Equal(2, Assert.IsType<RecordsVisited>(account.Entries[^1]).Records.Length);
        Assert.Equal(RecordStatus.Active, account.Access(Company("1"))[0].Status);
        Assert.Equal((rows, "100"), (account.Rows.Count(), account.State.Available.ToString()));
        account.To("2027-03-09");
        Assert.Equal(RecordStatus.Subscribed, account.Access(Company("1"))[0].Status);
    }

    [Fact]
    public void An_active_subscription_stays_as_it_is()
    {
        var account = new Scenario("2026-03-10");
        account.Access(Company("1"));
        account.To("2026-04-10");
        var before = account.Entries.Count;
        var again = account.Send(Visiting(null, "1")).Verdicts!;
        Assert.Equal((RecordStatus.Active, At("2027-03-11"), before), (again[0].Status, again[0].LastDay!.Value.End, account.Entries.Count));
        Assert.IsType<AnswerKept>(account.Accept(new VisitRecords { Records = [new(RecordKey.Of("company", "1"), "company", "1")], Key = Key(7) }));
    }

    [Theory]
    [InlineData("2026-03-10T15:05:00Z", true)]
    [InlineData("2026-03-10T15:05:00.001Z", false)]
    [InlineData("2026-02-07T15:00:00Z", true)]
    [InlineData("2026-02-07T14:59:59.999Z", false)]
    public void A_visit_is_neither_in_the_future_nor_older_than_a_month(string seenAt, bool isAccepted)
    {
        var account = new Scenario("2026-03-10T15:00:00Z");
        if (!isAccepted)
        {
            Assert.Equal("seenAt", account.Refuse(Visiting(seenAt, "1")).Field);
            return;
        }

        var visited = Assert.IsType<RecordsVisited>(account.Accept(Visiting(seenAt, "1")));
        Assert.True(visited.SeenAt <= visited.AppliedAt, "A clock that is ahead does not date a visit into the future.");
    }

    [Theory]
    [InlineData(AccessLevel.Trial, true)]
    [InlineData(AccessLevel.WebVisitors, false)]
    [InlineData(AccessLevel.ApiOnly, false)]
    [InlineData(AccessLevel.Platform, false)]
    public void Visits_need_the_level_of_web_visitors(AccessLevel level, bool isRefused)
    {
        var account = new Scenario("2026-03-10", level: level);
        var refusal = account.Send(Visiting(null, "1")).Refusal;
        Assert.Equal(isRefused ? (RefusalReason.AccessLevelTooLow, AccessLevel.WebVisitors) : default((RefusalReason, AccessLevel)?), refusal is null ? null : (refusal.Reason, refusal.RequiredLevel!.Value));
    }

    [Fact]
    public void An_account_that_waits_for_its_renewal_starts_no_subscription_and_keeps_those_it_has()
    {
        var account = new Scenario("2026-03-10", paidThrough: "2026-04-10");
        account.Accept(Visiting(null, "1"));
        account.To("2026-04-10");
        Assert.Equal(RefusalReason.SubscriptionInactive, account.Refuse(Visiting(null, "1", "2")).Reason);
        Assert.Equal(RecordStatus.Active, account.Send(Visiting(null, "1")).Verdicts![0].Status);
    }

    [Fact]
    public void Visits_are_one_to_a_thousand_records_with_ids()
    {
        var account = new Scenario("2026-03-10");
        Assert.Equal("records", account.Refuse(Visiting(null)).Field);
        Assert.Equal("records", account.Refuse(Visiting(null, [.. Enumerable.Range(0, 1_001).Select(id => $"{id}")])).Field);
        Assert.Equal("records[1].id", account.Refuse(Visiting(null, "1", "")).Field);
        Assert.Equal(1_000, account.Send(Visiting(null, [.. Enumerable.Range(0, 1_000).Select(id => $"{id}")])).Verdicts!.Length);
    }

    [Fact]
    public void A_limit_of_0_starts_nothing_on_an_unlimited_plan_either()
    {
        var account = new Scenario("2026-03-10", unlimited: true);
        account.Access(Company("1"));
        AccessRecords Limited(AccessMode mode) => new() { Records = [Company("1"), Company("2")], Mode = mode, MaxCredits = Credits.Zero };
        Assert.Equal(RefusalReason.MaxCreditsExceeded, account.Refuse(Limited(AccessMode.AllOrNothing)).Reason);
        Assert.Equal([RecordStatus.Active, RecordStatus.Refused], account.Send(Limited(AccessMode.UpTo)).Verdicts!.Select(verdict => verdict.Status));
    }

    [Fact]
    public void A_charge_of_0_has_nothing_to_refund_and_its_subscriptions_stay()
    {
        var account = new Scenario("2026-03-10", unlimited: true);
        account.Access(Company("1"));
        Assert.Equal(RefusalReason.RefundExceedsCharge, account.Refuse(account.PayingBack(account.Rows.Last())).Reason);
        Assert.Equal(RecordStatus.Active, account.Access(Company("1"))[0].Status);
    }

    private static VisitRecords Visiting(string? seenAt, params string[] ids) =>
        new() { Records = [.. ids.Select(id => new VisitedRecord(RecordKey.Of("company", id), "company", id))], SeenAt = seenAt is null ? null : At(seenAt) };
}
