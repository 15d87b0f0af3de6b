using Xunit;

namespace Metering.Conformance;

public abstract partial class CreditMeterConformance
{
    [Fact]
    public async Task A_record_costs_once_in_twelve_months_across_restarts()
    {
        await OpenAsync();
        var first = (await AccessAsync("Q38076")).Value;
        Assert.Equal((Credits.Of(1), RecordStatus.Subscribed), (first.Charged, first.Records[0].Status));
        Assert.Equal(new DateTimeOffset(2027, 5, 2, 0, 0, 0, TimeSpan.Zero), first.Records[0].ExpiresAt);
        await Host.RestartAsync();
        var second = (await AccessAsync("Q38076")).Value;
        Assert.Equal((Credits.Zero, RecordStatus.Active, null), (second.Charged, second.Records[0].Status, second.TransactionId));
        Assert.Equal(first.Records[0].ExpiresAt, second.Records[0].ExpiresAt);

        Clock.Set(first.Records[0].ExpiresAt!.Value.AddMilliseconds(-1));
        Assert.Equal(Credits.Zero, (await AccessAsync("Q38076")).Value.Charged);
        Clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(Credits.Of(1), (await AccessAsync("Q38076")).Value.Charged);
        await RowsSumToTheBalanceAsync();
    }

    [Fact]
    public async Task Concurrent_retrievals_of_one_record_charge_once()
    {
        await OpenAsync();
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => Task.Run(() => AccessAsync("a").AsTask())));
        Assert.Equal(Credits.Of(1), outcomes.Aggregate(Credits.Zero, (sum, outcome) => sum + outcome.Value.Charged));
        Assert.Equal(Credits.Of(99), await AvailableAsync());
    }

    [Fact]
    public async Task A_record_twice_in_one_call_is_charged_once_and_a_contact_is_not_the_company_of_its_id()
    {
        await OpenAsync();
        var access = (await Meter.AccessRecordsAsync(Account, new() { Records = [new("company", "a"), new("company", "a"), new("contact", "a")] })).Value;
        Assert.Equal(Credits.Of(2), access.Charged);
        Assert.Equal([RecordStatus.Subscribed, RecordStatus.Active, RecordStatus.Subscribed], access.Records.Select(record => record.Status));
    }

    [Fact]
    public async Task Signals_are_free_under_a_company_subscription_and_cost_their_price_without()
    {
        await OpenAsync();
        RecordRequest signals = new("company", "a", "company.signals");
        var without = (await Meter.AccessRecordsAsync(Account, new() { Records = [signals] })).Value;
        Assert.Equal((Credits.Of(1), null), (without.Charged, without.Records[0].ExpiresAt));
        Assert.Equal(Credits.Of(1), (await Meter.AccessRecordsAsync(Account, new() { Records = [signals] })).Value.Charged);

        // The order within a call does not matter.
        var both = (await Meter.AccessRecordsAsync(Account, new() { Records = [signals, new("company", "a")] })).Value;
        Assert.Equal([Credits.Zero, Credits.Of(1)], both.Records.Select(record => record.Charged));
        Assert.Equal(Credits.Zero, (await Meter.AccessRecordsAsync(Account, new() { Records = [signals] })).Value.Charged);
    }

    [Fact]
    public async Task All_or_nothing_refuses_whole_and_up_to_takes_what_can_be_paid()
    {
        await OpenAsync();
        await DeductAsync(98);
        Assert.Equal(RefusalReason.InsufficientCredits, (await AccessAsync("a", "b", "c")).Refusal?.Reason);
        var upTo = (await Meter.AccessRecordsAsync(Account, new()
        {
            Records = [new("company", "a"), new("company", "b"), new("company", "c")],
            Mode = AccessMode.UpTo,
        })).Value;
        Assert.Equal([RecordStatus.Subscribed, RecordStatus.Subscribed, RecordStatus.Refused], upTo.Records.Select(record => record.Status));
        Assert.Equal((Credits.Of(2), Credits.Zero), (upTo.Charged, upTo.Credits));
    }

    [Fact]
    public async Task A_limit_of_0_allows_only_what_is_subscribed()
    {
        await OpenAsync();
        await AccessAsync("a");
        RecordAccessRequest Limited(string id, AccessMode mode) => new() { Records = [new("company", id)], MaxCredits = Credits.Zero, Mode = mode };
        Assert.Equal(RecordStatus.Active, (await Meter.AccessRecordsAsync(Account, Limited("a", AccessMode.AllOrNothing))).Value.Records[0].Status);
        Assert.Equal(RefusalReason.MaxCreditsExceeded, (await Meter.AccessRecordsAsync(Account, Limited("b", AccessMode.AllOrNothing))).Refusal?.Reason);
        Assert.Equal(RecordStatus.Refused, (await Meter.AccessRecordsAsync(Account, Limited("b", AccessMode.UpTo))).Value.Records[0].Status);
        Assert.Equal(Credits.Of(99), await AvailableAsync());
    }

    [Fact]
    public async Task Malformed_records_are_refused_with_the_place_and_change_nothing()
    {
        await OpenAsync();
        (RecordRequest Record, string Field)[] cases =
        [
            (new("planet", "a"), "records[1].type"),
            (new("lead.search", "a"), "records[1].type"),
            (new("company", ""), "records[1].id"),
            (new("company", new('x', 129)), "records[1].id"),
            (new("company", "a\u0001"), "records[1].id"),
            (new("company", "a", "mobile"), "records[1].product"),
        ];
        foreach (var (record, field) in cases)
        {
            var refusal = (await Meter.AccessRecordsAsync(Account, new() { Records = [new("company", "fine"), record] })).Refusal;
            Assert.Equal((RefusalReason.InvalidRequest, field), (refusal?.Reason, refusal?.Field));
        }

        Assert.Equal("records", (await Meter.AccessRecordsAsync(Account, new() { Records = [] })).Refusal?.Field);
        Assert.Equal(Credits.Of(100), await AvailableAsync());
    }

    [Fact]
    public async Task Ten_thousand_records_in_one_call_are_one_transaction()
    {
        await OpenAsync("empty");
        await GrantAsync(GrantSource.Purchase, 20_000);
        var ids = Enumerable.Range(0, 10_000).Select(index => $"company-{index}").ToArray();
        Assert.Equal(Credits.Of(10_000), (await AccessAsync(ids)).Value.Charged);
        await Host.RestartAsync();
        Assert.Equal(Credits.Zero, (await AccessAsync(ids)).Value.Charged);
        Assert.Equal(10_000, (await TransactionsAsync())[0].Quantity);
    }

    [Fact]
    public async Task A_full_refund_ends_the_subscriptions_that_the_charge_started()
    {
        await OpenAsync();
        var access = (await AccessAsync("a", "b")).Value;
        await Meter.RefundAsync(Account, new() { TransactionId = access.TransactionId!.Value });
        Assert.Equal(Credits.Of(100), await AvailableAsync());
        Assert.Equal(Credits.Of(1), (await AccessAsync("a")).Value.Charged);
    }
}
