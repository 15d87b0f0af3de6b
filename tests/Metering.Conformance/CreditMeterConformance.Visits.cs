using Xunit;

namespace Metering.Conformance;

public abstract partial class CreditMeterConformance
{
    [Fact]
    public async Task A_visitor_is_free_for_twelve_months_across_restarts()
    {
        await OpenAsync();
        var visits = (await VisitAsync(Start.AddDays(-2), "a", "b")).Value;
        Assert.Equal((null, Credits.Zero, Credits.Of(100)), (visits.TransactionId, visits.Charged, visits.Credits));
        Assert.All(visits.Records, record => Assert.Equal((RecordStatus.Subscribed, Start.AddDays(-2).AddYears(1).AddDays(1)), (record.Status, record.ExpiresAt)));
        await Host.RestartAsync();
        Assert.Equal(Credits.Zero, (await AccessAsync("a", "b")).Value.Charged);
        var again = (await VisitAsync(null, "a")).Value.Records[0];
        Assert.Equal((RecordStatus.Active, visits.Records[0].ExpiresAt), (again.Status, again.ExpiresAt));
        Assert.Equal(Credits.Of(1), (await AccessAsync("a", "c")).Value.Charged);
        await RowsSumToTheBalanceAsync();
    }

    [Fact]
    public async Task Visits_with_a_key_are_answered_again_and_the_key_takes_no_other_visits()
    {
        await OpenAsync();
        var request = new RecordVisitsRequest { Records = [new("company", "a"), new("company", "a")], IdempotencyKey = "v" };
        var first = await Meter.RecordVisitsAsync(Account, request);
        Clock.Advance(TimeSpan.FromHours(1));
        await Host.RestartAsync();
        var again = await Meter.RecordVisitsAsync(Account, request);
        Assert.True(again.IsReplay);
        Assert.Equal([RecordStatus.Subscribed, RecordStatus.Active], again.Value.Records.Select(record => record.Status));
        Assert.Equal(first.Value.Records, again.Value.Records);
        Assert.Equal(RefusalReason.IdempotencyKeyReused, (await Meter.RecordVisitsAsync(Account, request with { SeenAt = Start })).Refusal?.Reason);
    }

    [Fact]
    public async Task Malformed_visits_and_accounts_without_the_level_are_refused()
    {
        Assert.Equal(RefusalReason.AccountUnknown, (await VisitAsync(null, "a")).Refusal?.Reason);
        Assert.Equal(RefusalReason.AccountUnknown, (await Meter.ListRecordsAsync(Account, new())).Refusal?.Reason);
        await OpenAsync("trial");
        Assert.Equal((RefusalReason.AccessLevelTooLow, AccessLevel.WebVisitors), await RefusedAsync(new() { Records = [new("company", "a")] }));
        Assert.Equal("records[1].type", await FieldAsync([new("company", "a"), new("contact", "a")]));
        Assert.Equal("records[0].product", await FieldAsync([new("company", "a", "company.news")]));
        Assert.Equal("records[0].id", await FieldAsync([new("company", "a\u0001")]));
        Assert.Equal("records", await FieldAsync([]));
        Assert.Equal("seenAt", (await Meter.RecordVisitsAsync(Account, new() { Records = [new("company", "a")], SeenAt = Start.AddDays(1) })).Refusal?.Field);

        async Task<(RefusalReason?, AccessLevel?)> RefusedAsync(RecordVisitsRequest request) =>
            (await Meter.RecordVisitsAsync(Account, request)).Refusal is { } refusal ? (refusal.Reason, refusal.RequiredLevel) : default;
        async Task<string?> FieldAsync(RecordRequest[] records) => (await Meter.RecordVisitsAsync(Account, new() { Records = records })).Refusal?.Field;
    }

    [Fact]
    public async Task Records_are_listed_in_the_order_of_their_beginning_until_they_end()
    {
        await OpenAsync();
        await AccessAsync("a", "b");
        Clock.Advance(TimeSpan.FromDays(40));
        await VisitAsync(Clock.GetUtcNow().AddDays(-3), "c");
        await Meter.AccessRecordsAsync(Account, new() { Records = [new("contact", "a")] });
        var refunded = (await AccessAsync("d")).Value.TransactionId!.Value;
        Assert.Equal(["company/a", "company/b", "company/c", "contact/a", "company/d"], await NamesAsync(new()));
        var listed = (await Meter.ListRecordsAsync(Account, new() { Limit = 3 })).Value.Items;
        Assert.Equal([(Start, Start.AddYears(1).AddDays(1)), (Start, Start.AddYears(1).AddDays(1)), (Start.AddDays(37), Start.AddDays(37).AddYears(1).AddDays(1))], listed.Select(item => (item.StartedAt, item.ExpiresAt)));

        await Meter.RefundAsync(Account, new() { TransactionId = refunded });
        Assert.Equal(["company/a", "company/b", "company/c", "contact/a"], await NamesAsync(new()));
        await AccessAsync("d");
        await Host.RestartAsync();
        Assert.Equal(["company/a", "company/b", "company/c", "contact/a", "company/d"], await NamesAsync(new()));
        Assert.Equal(["contact/a"], await NamesAsync(new() { Type = "contact" }));
        Assert.Equal(["company/a", "company/b"], await NamesAsync(new() { ExpiresBefore = Start.AddYears(1).AddDays(2) }));
        Clock.Set(Start.AddYears(1).AddDays(1));
        Assert.Equal(["company/c", "contact/a", "company/d"], await NamesAsync(new()));
        Clock.Set(Start.AddYears(2));
        Assert.Empty(await NamesAsync(new()));
    }

    [Fact]
    public async Task Pages_of_records_follow_each_other_whatever_lies_between()
    {
        await OpenAsync("growth");
        await AccessAsync([.. Enumerable.Range(0, 130).Select(index => $"{index}")]);
        for (var count = 0; count < 70; count++)
        {
            await DeductAsync(1);
        }

        await AccessAsync([.. Enumerable.Range(130, 20).Select(index => $"{index}")]);
        Assert.Equal(Enumerable.Range(0, 150).Select(index => $"company/{index}"), await NamesAsync(new() { Limit = 7 }));
        Assert.Equal(100, (await Meter.ListRecordsAsync(Account, new() { Limit = 100 })).Value.Items.Count);
        Assert.Equal("limit", (await Meter.ListRecordsAsync(Account, new() { Limit = 101 })).Refusal?.Field);
        Assert.Equal("limit", (await Meter.ListRecordsAsync(Account, new() { Limit = 0 })).Refusal?.Field);
        foreach (var cursor in (string[])["", "x", "3", "-3-1", "3-", "99999999999999999999-0"])
        {
            Assert.Equal("cursor", (await Meter.ListRecordsAsync(Account, new() { Cursor = cursor })).Refusal?.Field);
        }
    }

    private ValueTask<Outcome<RecordAccess>> VisitAsync(DateTimeOffset? seenAt, params string[] companies) =>
        Meter.RecordVisitsAsync(Account, new() { Records = [.. companies.Select(id => new RecordRequest("company", id))], SeenAt = seenAt });

    /// <summary>All that a query lists, page by page.</summary>
    private async Task<List<string>> NamesAsync(RecordQuery query)
    {
        var names = new List<string>();
        for (var pages = 0; pages < 100; pages++)
        {
            var page = (await Meter.ListRecordsAsync(Account, query)).Value;
            names.AddRange(page.Items.Select(item => $"{item.Type}/{item.Id}"));
            if (page.NextCursor is null)
            {
                return names;
            }

            query = query with { Cursor = page.NextCursor };
        }

        throw new InvalidOperationException("The pages never end.");
    }
}
