using static Metering.Core.Tests.Scenario;

namespace Metering.Core.Tests;

public class RecordStartTests
{
    [Theory]
    [InlineData("2026-03-10T15:00:00.001Z", "2026-03-11")]
    [InlineData("2026-03-10T23:59:59.999Z", "2026-03-11")]
    [InlineData("2026-03-11", "2026-03-11")]
    [InlineData("2026-03-11T00:00:00.001Z", "2026-03-12")]
    [InlineData("2027-03-11", "2027-03-11")]
    [InlineData("2026-03-10T15:00:00Z", null)]
    [InlineData("2027-03-11T00:00:00.001Z", null)]
    public void An_end_is_rounded_up_to_the_end_of_a_day_within_twelve_months(string expiresAt, string? end)
    {
        var account = new Scenario("2026-03-10T15:00:00Z");
        var command = Bringing(1, ("1", expiresAt));
        if (end is null)
        {
            Assert.Equal("records[0].expiresAt", account.Refuse(command).Field);
            return;
        }

        Assert.Equal((RecordStatus.Subscribed, At(end)), account.Send(command).Verdicts![0] is var verdict ? (verdict.Status, verdict.LastDay!.Value.End) : default);
        Assert.Equal(RecordStatus.Active, account.Access(Company("1"))[0].Status);
        account.To(end);
        Assert.Equal(RecordStatus.Subscribed, account.Access(Company("1"))[0].Status);
    }

    [Fact]
    public void The_later_day_counts_and_a_reference_takes_effect_also_where_nothing_starts()
    {
        var account = new Scenario("2026-03-10");
        Assert.Equal(2, account.Send(Bringing(1, ("1", "2026-05-01"), ("2", "2026-05-01"), ("1", "2026-06-01"))).Verdicts!.Count(verdict => verdict.Status == RecordStatus.Subscribed));
        Assert.Equal([At("2026-06-01"), At("2026-05-01")], Assert.IsType<RecordsStarted>(account.Entries[^1]).Records.Select(record => record.LastDay.End));
        Assert.Empty(Assert.IsType<RecordsStarted>(account.Accept(Bringing(2, ("1", "2026-05-31")))).Records);
        Assert.Equal(RefusalReason.ReferenceUsed, account.Refuse(Bringing(2, ("3", "2026-05-31"))).Reason);
        Assert.Equal("100", account.State.Available.ToString());
    }

    [Fact]
    public void An_account_that_waits_for_its_renewal_or_is_suspended_takes_them_and_a_closed_one_does_not()
    {
        var account = new Scenario("2026-03-10", paidThrough: "2026-04-10", level: AccessLevel.Trial);
        account.To("2026-04-10");
        account.Accept(Bringing(1, ("1", "2026-05-01")));
        account.Accept(account.Setting(AccountStatus.Suspended, "Unpaid."));
        account.Accept(Bringing(2, ("2", "2026-05-01")));
        account.Accept(account.Setting(AccountStatus.Closed, "Left."));
        Assert.Equal(RefusalReason.AccountClosed, account.Refuse(Bringing(3, ("3", "2026-05-01"))).Reason);
    }

    [Fact]
    public void They_are_one_to_a_thousand_records_with_ids()
    {
        var account = new Scenario("2026-03-10");
        Assert.Equal("records", account.Refuse(Bringing(1)).Field);
        Assert.Equal("records", account.Refuse(Bringing(1, [.. Enumerable.Range(0, 1_001).Select(id => ($"{id}", "2026-05-01"))])).Field);
        Assert.Equal("records[1].id", account.Refuse(Bringing(1, ("1", "2026-05-01"), ("", "2026-05-01"))).Field);
        Assert.Equal(1_000, account.Send(Bringing(1, [.. Enumerable.Range(0, 1_000).Select(id => ($"{id}", "2026-05-01"))])).Verdicts!.Length);
    }

    private static StartRecords Bringing(int reference, params (string Id, string ExpiresAt)[] records) => new()
    {
        Records = [.. records.Select(record => new BroughtRecord(RecordKey.Of("company", record.Id), "company", record.Id, At(record.ExpiresAt)))],
        ExternalReference = (UInt128)reference,
    };
}
