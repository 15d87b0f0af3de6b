using Xunit;

namespace Metering.Conformance;

public abstract partial class CreditMeterConformance
{
    [Fact]
    public async Task Brought_subscriptions_are_free_until_the_end_of_their_day_across_restarts()
    {
        await OpenAsync("trial");
        var balance = (await Meter.GetBalanceAsync(Account)).Value.Available;
        var brought = (await BringAsync("r-1", new("company", "a", Day(40).AddHours(9)), new("contact", "a", Day(41)), new("company", "a", Day(20)))).Value;
        Assert.Equal((null, Credits.Zero, balance), (brought.TransactionId, brought.Charged, brought.Credits));
        Assert.Equal(
            [(new RecordRequest("company", "a"), RecordStatus.Subscribed, Day(41)), (new("contact", "a"), RecordStatus.Subscribed, Day(41)), (new("company", "a"), RecordStatus.Active, Day(41))],
            brought.Records.Select(record => (record.Record, record.Status, record.ExpiresAt!.Value)));
        await Host.RestartAsync();
        Assert.Equal(Credits.Zero, (await AccessAsync("a")).Value.Charged);
        Clock.Set(Day(41).AddMilliseconds(-1));
        Assert.Equal(Credits.Zero, (await AccessAsync("a")).Value.Charged);
        Clock.Set(Day(41));
        Assert.Equal(Credits.Of(1), (await AccessAsync("a")).Value.Charged);
        await RowsSumToTheBalanceAsync();
    }

    [Fact]
    public async Task A_reference_brings_subscriptions_once_for_ever_and_a_key_is_answered_again()
    {
        Assert.Equal(RefusalReason.AccountUnknown, (await BringAsync("r", new GivenRecord("company", "a", Day(5)))).Refusal?.Reason);
        await OpenAsync();
        var request = new StartRecordsRequest { Records = [new("company", "a", Day(5))], ExternalReference = "r", IdempotencyKey = "k" };
        var first = await Meter.StartRecordsAsync(Account, request);
        await Host.RestartAsync();
        var again = await Meter.StartRecordsAsync(Account, request);
        Assert.True(again.IsReplay);
        Assert.Equal(first.Value.Records, again.Value.Records);
        Assert.Equal(RefusalReason.IdempotencyKeyReused, (await Meter.StartRecordsAsync(Account, request with { ExternalReference = "s" })).Refusal?.Reason);
        Assert.Equal(RefusalReason.ReferenceUsed, (await Meter.StartRecordsAsync(Account, request with { IdempotencyKey = null })).Refusal?.Reason);

        // Also where it found nothing to start.
        Assert.Equal(RecordStatus.Active, (await BringAsync("t", new GivenRecord("company", "a", Day(4)))).Value.Records[0].Status);
        Assert.Equal(RefusalReason.ReferenceUsed, (await BringAsync("t", new GivenRecord("company", "b", Day(4)))).Refusal?.Reason);
        Assert.Equal(["company/a"], await NamesAsync(new()));
    }

    [Fact]
    public async Task A_brought_subscription_lengthens_and_never_shortens_and_a_refund_ends_only_what_was_charged()
    {
        await OpenAsync();
        await BringAsync("r-1", new GivenRecord("company", "a", Day(50)));
        Assert.Equal((RecordStatus.Active, Day(50)), await OneAsync("r-2", "a", Day(30)));
        Assert.Equal((RecordStatus.Subscribed, Day(60)), await OneAsync("r-3", "a", Day(60)));
        var charge = (await AccessAsync("b")).Value.TransactionId!.Value;
        Clock.Advance(TimeSpan.FromDays(2));
        Assert.Equal(RecordStatus.Active, (await OneAsync("r-4", "b", Day(30))).Status);
        Assert.Equal(RecordStatus.Subscribed, (await OneAsync("r-5", "b", Start.AddYears(1).AddDays(2))).Status);
        Assert.Equal([("a", Day(60)), ("b", Start.AddYears(1).AddDays(2))], await EndsAsync());
        await Meter.RefundAsync(Account, new() { TransactionId = charge });
        Assert.Equal([("a", Day(60)), ("b", Start.AddYears(1).AddDays(2))], await EndsAsync());

        async Task<(RecordStatus Status, DateTimeOffset? ExpiresAt)> OneAsync(string reference, string id, DateTimeOffset expiresAt) =>
            (await BringAsync(reference, new GivenRecord("company", id, expiresAt))).Value.Records[0] is var outcome ? (outcome.Status, outcome.ExpiresAt) : default;
        async Task<List<(string, DateTimeOffset)>> EndsAsync() => [.. (await Meter.ListRecordsAsync(Account, new())).Value.Items.Select(item => (item.Id, item.ExpiresAt))];
    }

    [Fact]
    public async Task Brought_subscriptions_that_cannot_be_are_refused_and_start_nothing()
    {
        await OpenAsync();
        Assert.Equal("externalReference", await FieldAsync("", new GivenRecord("company", "a", Day(5))));
        Assert.Equal("records", await FieldAsync("r"));
        Assert.Equal("records[1].type", await FieldAsync("r", new("company", "a", Day(5)), new("email.validation", "a", Day(5))));
        Assert.Equal("records[0].id", await FieldAsync("r", new GivenRecord("company", "", Day(5))));
        Assert.Equal("records[0].expiresAt", await FieldAsync("r", new GivenRecord("company", "a", Start)));
        Assert.Equal("records[0].expiresAt", await FieldAsync("r", new GivenRecord("company", "a", DateTimeOffset.MinValue)));
        Assert.Equal("records[0].expiresAt", await FieldAsync("r", new GivenRecord("company", "a", DateTimeOffset.MaxValue)));
        Assert.Equal("records[0].expiresAt", await FieldAsync("r", new GivenRecord("company", "a", new DateTimeOffset(Start.Date, TimeSpan.Zero).AddYears(1).AddDays(1).AddTicks(1))));
        Assert.Empty(await NamesAsync(new()));
        await Meter.SetStatusAsync(Account, new() { Status = AccountStatus.Closed, Reason = "Left." });
        Assert.Equal(RefusalReason.AccountClosed, (await BringAsync("r", new GivenRecord("company", "a", Day(5)))).Refusal?.Reason);
        await Meter.SetStatusAsync(Account, new() { Status = AccountStatus.Active });
        Assert.True((await BringAsync("r", new GivenRecord("company", "a", new DateTimeOffset(Start.Date, TimeSpan.Zero).AddYears(1).AddDays(1)))).IsSuccess, "Refusals used no reference up.");

        async Task<string?> FieldAsync(string reference, params GivenRecord[] records) => (await BringAsync(reference, records)).Refusal?.Field;
    }

    [Fact]
    public async Task What_expires_early_is_listed_though_it_was_brought_after_much_that_expires_late()
    {
        await OpenAsync("growth");
        for (var count = 0; count < 70; count++)
        {
            await DeductAsync(1);
        }

        await AccessAsync("late");
        await BringAsync("r", new("company", "early", Day(10)), new("company", "latest", Day(300)));
        Assert.Equal(["company/early"], await NamesAsync(new() { ExpiresBefore = Day(20) }));
        Assert.Equal(["company/late", "company/early", "company/latest"], await NamesAsync(new()));
        Clock.Set(Day(299));
        Assert.Equal(["company/late", "company/latest"], await NamesAsync(new()));
    }

    private static DateTimeOffset Day(int number) => new DateTimeOffset(Start.Date, TimeSpan.Zero).AddDays(number);

    private ValueTask<Outcome<RecordAccess>> BringAsync(string reference, params GivenRecord[] records) =>
        Meter.StartRecordsAsync(Account, new() { Records = records, ExternalReference = reference });
}
