using Metering.Conformance;
using Metering.Core;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Engine.Tests;

/// <summary>How much of a ledger a list of record subscriptions reads, and what it leaves out.</summary>
public sealed class RecordListingTests : IAsyncDisposable
{
    private static readonly AccountId Account = new("acct");

    private readonly ManualTimeProvider clock = new(new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly CountingStore store = new(new MemoryLedgerStore());
    private readonly EmbeddedCreditMeter meter;

    public RecordListingTests() =>
        meter = new(store, new() { Catalogue = CreditMeterConformance.TestCatalogue }, clock, NullLogger<EmbeddedCreditMeter>.Instance);

    public async ValueTask DisposeAsync()
    {
        await meter.DisposeAsync();
        await store.DisposeAsync();
    }

    [Fact]
    public async Task A_call_reads_a_bounded_number_of_entries_and_says_where_to_go_on()
    {
        await OpenAsync();
        await SpendAsync(5_000);
        await AccessAsync("a");
        store.RowsRead = 0;
        var first = (await meter.ListRecordsAsync(Account, new())).Value;
        Assert.Empty(first.Items);
        Assert.InRange(store.RowsRead, 4_096, 4_200);
        var second = (await meter.ListRecordsAsync(Account, new() { Cursor = first.NextCursor })).Value;
        Assert.Equal(("a", null), (Assert.Single(second.Items).Id, second.NextCursor));
    }

    [Fact]
    public async Task What_began_more_than_a_year_ago_is_not_read()
    {
        await OpenAsync();
        await AccessAsync("old");
        await SpendAsync(6_000);
        clock.Advance(TimeSpan.FromDays(420));
        await AccessAsync("new");
        store.RowsRead = 0;
        var page = (await meter.ListRecordsAsync(Account, new())).Value;
        Assert.Equal(("new", null), (Assert.Single(page.Items).Id, page.NextCursor));
        Assert.InRange(store.RowsRead, 1, 200);
    }

    [Fact]
    public async Task A_list_of_what_expires_soon_ends_where_later_entries_expire_later()
    {
        await OpenAsync();
        await AccessAsync("a");
        var soon = clock.GetUtcNow().AddMonths(12).AddDays(3);
        clock.Advance(TimeSpan.FromDays(60));
        await AccessAsync("b");
        await SpendAsync(3_000);
        store.RowsRead = 0;
        var page = (await meter.ListRecordsAsync(Account, new() { ExpiresBefore = soon })).Value;
        Assert.Equal(("a", null), (Assert.Single(page.Items).Id, page.NextCursor));
        Assert.InRange(store.RowsRead, 1, 200);
    }

    [Fact]
    public async Task A_subscription_whose_names_were_erased_lasts_and_is_not_listed()
    {
        await OpenAsync();
        await AccessAsync("a");
        store.IsErased = true;
        var page = (await meter.ListRecordsAsync(Account, new())).Value;
        Assert.Equal((0, null), (page.Items.Count, page.NextCursor));
        Assert.Equal(Credits.Zero, await AccessAsync("a"));
    }

    private async Task OpenAsync() => await meter.OpenAccountAsync(Account, new() { Plan = "platinum" });

    private async Task<Credits> AccessAsync(string company) => (await meter.AccessRecordsAsync(Account, new() { Records = [new("company", company)] })).Value.Charged;

    private async Task SpendAsync(int times)
    {
        for (var count = 0; count < times; count += 1_000)
        {
            await meter.DeductBatchAsync(Account, new() { Items = [.. Enumerable.Repeat(new DeductRequest { Amount = Credits.Of(1) }, 1_000)] });
        }
    }

    private sealed class CountingStore(ILedgerStore inner) : DelegatingLedgerStore(inner)
    {
        public int RowsRead { get; set; }

        public bool IsErased { get; set; }

        public override async ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default)
        {
            var rows = await base.ReadAsync(account, fromSequence, limit, cancellationToken);
            RowsRead += rows.Count;
            return IsErased ? [.. rows.Select(row => row with { Texts = default })] : rows;
        }
    }
}
