using Xunit;

namespace Metering.Conformance;

public abstract partial class CreditMeterConformance
{
    /// <summary>Callers in the same process come past no gateway, so the meter itself refuses what no gateway would let through.</summary>
    [Theory]
    [InlineData(0x0000)]
    [InlineData(0x0085)]
    [InlineData(0xD800)] // half of a surrogate pair, which no attribute can hold as text
    public async Task Texts_that_are_no_plain_text_are_refused_by_every_command_and_change_nothing(int character)
    {
        var text = $"a{(char)character}b";
        await OpenAsync();
        var charge = (await DeductAsync(10)).Value.TransactionId;
        var record = new RecordRequest("company", "a");
        await RefusedAsync("description", Meter.DeductAsync(Account, new() { Amount = Credits.Of(1), Description = text }));
        await RefusedAsync("reference", Meter.DeductAsync(Account, new() { Amount = Credits.Of(1), Reference = text }));
        await RefusedAsync("product", Meter.DeductAsync(Account, new() { Amount = Credits.Of(1), Product = text }));
        await RefusedAsync("idempotencyKey", Meter.DeductAsync(Account, new() { Amount = Credits.Of(1), IdempotencyKey = text }));
        await RefusedAsync("idempotencyKey", Meter.DeductBatchAsync(Account, new() { Items = [new() { Amount = Credits.Of(1) }], IdempotencyKey = text }));
        await RefusedAsync("records[0].id", Meter.AccessRecordsAsync(Account, new() { Records = [record with { Id = text }] }));
        await RefusedAsync("records[0].type", Meter.AccessRecordsAsync(Account, new() { Records = [record with { Type = text }] }));
        await RefusedAsync("description", Meter.AccessRecordsAsync(Account, new() { Records = [record], Description = text }));
        await RefusedAsync("records[0].id", Meter.RecordVisitsAsync(Account, new() { Records = [record with { Id = text }] }));
        await RefusedAsync("records[0].id", Meter.StartRecordsAsync(Account, new() { Records = [new("company", text, Start.AddDays(1))], ExternalReference = "r" }));
        await RefusedAsync("externalReference", Meter.StartRecordsAsync(Account, new() { Records = [new("company", "a", Start.AddDays(1))], ExternalReference = text }));
        await RefusedAsync("description", Meter.GrantAsync(Account, new() { Source = GrantSource.Bonus, Amount = Credits.Of(1), Description = text }));
        await RefusedAsync("externalReference", Meter.GrantAsync(Account, new() { Source = GrantSource.Bonus, Amount = Credits.Of(1), ExternalReference = text }));
        await RefusedAsync("reason", Meter.AdjustAsync(Account, new() { Amount = Credits.Of(1), Reason = text }));
        await RefusedAsync("description", Meter.RefundAsync(Account, new() { TransactionId = charge, Description = text }));
        Assert.Equal("items[0].description", (await Meter.DeductBatchAsync(Account, new() { Items = [new() { Amount = Credits.Of(1), Description = text }] })).Value.Items[0].Refusal?.Field);
        Assert.Equal(Credits.Of(90), (await Meter.GetBalanceAsync(Account)).Value.Available);
        Assert.Equal(2, (await Meter.ListTransactionsAsync(Account, new())).Value.Total);
    }

    [Fact]
    public async Task Texts_and_lists_beyond_their_limits_are_refused_and_change_nothing()
    {
        await OpenAsync();
        await RefusedAsync("description", Meter.DeductAsync(Account, new() { Amount = Credits.Of(1), Description = new string('d', 2 << 20) }));
        await RefusedAsync("reference", Meter.DeductAsync(Account, new() { Amount = Credits.Of(1), Reference = new string('r', 201) }));
        await RefusedAsync("amount", Meter.DeductAsync(Account, new() { Amount = new(long.MaxValue) }));
        await RefusedAsync("amount", Meter.DeductAsync(Account, new() { Amount = new(long.MinValue) }));
        await RefusedAsync("quantity", Meter.DeductAsync(Account, new() { Product = "mobile", Quantity = long.MaxValue }));
        await RefusedAsync("items", Meter.DeductBatchAsync(Account, new() { Items = [.. Enumerable.Repeat(new DeductRequest { Amount = Credits.Of(1) }, 1_001)] }));
        await RefusedAsync("records", Meter.AccessRecordsAsync(Account, new() { Records = [.. Enumerable.Repeat(new RecordRequest("company", "a"), 10_001)] }));
        await RefusedAsync("records", Meter.RecordVisitsAsync(Account, new() { Records = [.. Enumerable.Repeat(new RecordRequest("company", "a"), 1_001)] }));
        await RefusedAsync("records", Meter.StartRecordsAsync(Account, new() { Records = [.. Enumerable.Repeat(new GivenRecord("company", "a", Start.AddDays(1)), 1_001)], ExternalReference = "r" }));
        Assert.Equal(Credits.Of(100), (await Meter.GetBalanceAsync(Account)).Value.Available);
    }

    private static async Task RefusedAsync<T>(string field, ValueTask<Outcome<T>> call)
        where T : class
    {
        var refusal = (await call).Refusal;
        Assert.Equal((RefusalReason.InvalidRequest, field), (refusal?.Reason, refusal?.Field));
    }
}
