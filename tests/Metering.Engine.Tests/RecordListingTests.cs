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
    public async Task A_list_of_what_expires_soon_holds_what_was_brought_later_with_an_early_end()
    {
        await OpenAsync();
        await AccessAsync("a");
        var soon = clock.GetUtcNow().AddMonths(12).AddDays(3);
        clock.Advance(TimeSpan.FromDays(60));
        await AccessAsync("b");
        await SpendAsync(3_000);
        var brought = new StartRecordsRequest { Records = [new("company", "c", soon.AddDays(-2))], ExternalReference = "import" };
        Assert.True((await meter.StartRecordsAsync(Account, brought)).IsSuccess);
        var page = (await meter.ListRecordsAsync(Account, new() { ExpiresBefore = soon })).Value;
        Assert.Equal(["a", "c"], page.Items.Select(item => item.Id));
        Assert.Null(page.NextCursor);
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

    [Fact]
    public async Task Large_entries_are_read_a_few_at_a_time_and_every_subscription_is_listed_once()
    {
        await OpenAsync();
        const int Calls = 12;
        const int Records = 2_500;
        for (var call = 0; call < Calls; call++)
        {
            var records = Enumerable.Range(0, Records).Select(number => new RecordRequest("company", $"{call}-{number}-{new string('x', 80)}")).ToArray();
            Assert.True((await meter.AccessRecordsAsync(Account, new() { Records = records })).IsSuccess);
        }

        store.BytesRead = 0;
        Assert.Single((await meter.ListRecordsAsync(Account, new() { Limit = 1 })).Value.Items);
        Assert.InRange(store.BytesRead, 1, 2 << 20);
        var (seen, cursor) = (new HashSet<string>(), (string?)null);
        do
        {
            store.BytesRead = 0;
            var page = (await meter.ListRecordsAsync(Account, new() { Limit = RecordQuery.MaxLimit, Cursor = cursor })).Value;
            Assert.InRange(store.BytesRead, 1, 2 << 20);
            Assert.All(page.Items, item => Assert.True(seen.Add(item.Id)));
            cursor = page.NextCursor;
        }
        while (cursor is not null);

        Assert.Equal(Calls * Records, seen.Count);
        Assert.InRange(store.BytesOfLargestRead, 1, 3 << 19);
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

        public long BytesRead { get; set; }

        public long BytesOfLargestRead { get; private set; }

        public bool IsErased { get; set; }

        public override async ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default)
        {
            var rows = await base.ReadAsync(account, fromSequence, limit, cancellationToken);
            RowsRead += rows.Count;
            var bytes = rows.Sum(row => (long)row.Facts.Length + row.Texts.Length);
            (BytesRead, BytesOfLargestRead) = (BytesRead + bytes, Math.Max(BytesOfLargestRead, bytes));
            return IsErased ? [.. rows.Select(row => row with { Texts = default })] : rows;
        }
    }
}
