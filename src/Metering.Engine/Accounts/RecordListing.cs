using System.Globalization;
using Metering.Core;

namespace Metering.Engine;

/// <summary>
/// Lists the record subscriptions of an account. Their names are in ledger entries alone (the state holds hashes), so entries are read in
/// the order of their sequence, and those are kept whose subscription the state still holds. A call reads a bounded number of entries and
/// then hands out where to go on.
/// </summary>
internal sealed class RecordListing(ILedgerStore store, CallRunner runner)
{
    // An entry has about 150 bytes, and one that started ten thousand subscriptions half a megabyte.
    private const int FirstRows = 4;
    private const int MostRows = 64;
    private const long BytesOfRead = 1L << 20;

    /// <summary>Bytes of entries behind which a call reads no further.</summary>
    private const long MaxBytes = 8L << 20;

    /// <summary>Subscriptions judged at once, while nothing else is decided on the account: some hundred microseconds.</summary>
    private const int MaxCandidates = 2_048;

    /// <summary>Days that whole days and months of unlike length may add, generously.</summary>
    private const int SlackDays = 32;

    /// <summary>Entries that one call reads at most: some milliseconds.</summary>
    private const int MaxRows = 4_096;

    public async ValueTask<Outcome<RecordPage>> ListAsync(AccountId account, RecordQuery query, CancellationToken cancellationToken)
    {
        var position = new Position(0, 0);
        var invalid = query.Limit is < 1 or > RecordQuery.MaxLimit ? Refusal.Invalid("limit", $"limit is {query.Limit}; 1 to {RecordQuery.MaxLimit} are allowed.")
            : query.Cursor is not null && !Position.TryParse(query.Cursor, out position) ? Refusal.Invalid("cursor", "cursor is not one that a list gave.")
            : null;
        if (invalid is not null)
        {
            return invalid;
        }

        try
        {
            var look = new ActiveStartsCall([], 0);
            if ((await runner.RunLongAsync(account, look, made: null, cancellationToken)).Refusal is { } refusal)
            {
                return refusal;
            }

            position = query.Cursor is null ? new(await FirstAsync(account, look.Now, cancellationToken), 0) : position;
            return await ScanAsync(account, query, position, look.Now, cancellationToken);
        }
        catch (LedgerUnavailableException exception)
        {
            return CallRunner.Unavailable(exception);
        }
    }

    private async ValueTask<Outcome<RecordPage>> ScanAsync(AccountId account, RecordQuery query, Position from, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var items = new List<RecordSubscription>();
        var (readRows, readBytes) = (0, 0L);

        // In the middle of an entry it is most likely a large one.
        for (var limit = from.Index > 0 ? 1 : FirstRows; readRows < MaxRows && readBytes < MaxBytes;)
        {
            var rows = await store.ReadAsync(account, from.Sequence, limit, cancellationToken);
            foreach (var starts in StartsOf(rows, from, query, RecordDay.Of(now)).Chunk(MaxCandidates))
            {
                var call = new ActiveStartsCall(starts, query.Limit + 1 - items.Count);
                if ((await runner.RunLongAsync(account, call, made: null, cancellationToken)).Refusal is { } refusal)
                {
                    return refusal;
                }

                foreach (var (entry, index) in call.Active)
                {
                    if (items.Count == query.Limit)
                    {
                        return new RecordPage(items, new Position(entry.Sequence, index).ToString());
                    }

                    items.Add(ToSubscription(entry, index));
                }
            }

            // On to the last entry even where only what expires early is asked for: what an operator brings may end on any day.
            if (rows.Count < limit)
            {
                return new RecordPage(items, null);
            }

            var bytes = rows.Sum(row => (long)row.Facts.Length + row.Texts.Length);
            (readRows, readBytes) = (readRows + rows.Count, readBytes + bytes);
            limit = (int)Math.Clamp(BytesOfRead / Math.Max(1, bytes / rows.Count), 1, MostRows);
            from = new(rows[^1].Sequence + 1, 0);
        }

        return new RecordPage(items, from.ToString());
    }

    /// <summary>
    /// The first entry whose subscriptions may be active: no entry starts one that ends later than the end of the day twelve months after
    /// it, whether it was paid for, visited or brought.
    /// </summary>
    private async ValueTask<long> FirstAsync(AccountId account, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var horizon = now.AddMonths(-12).AddDays(-SlackDays);
        var (low, high) = (1L, (await store.ReadHeadAsync(account, cancellationToken)).Head.Sequence);
        while (high - low > MostRows)
        {
            var middle = low + ((high - low) / 2);
            var rows = await store.ReadAsync(account, middle, 1, cancellationToken);
            if (rows.Count == 0 || Views.ToEntry(rows[0]).AppliedAt >= horizon)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        return low;
    }

    /// <summary>What entries started and may be active: an entry is decoded when it is come to, outside of the account's lock.</summary>
    private static IEnumerable<(Entry Entry, int Index)> StartsOf(IReadOnlyList<LedgerRow> rows, Position from, RecordQuery query, RecordDay today)
    {
        foreach (var row in rows)
        {
            var entry = Views.ToEntry(row);
            var starts = ActiveStartsCall.StartsOf(entry);
            for (var index = entry.Sequence == from.Sequence ? from.Index : 0; index < starts.Length; index++)
            {
                var start = starts[index];

                // Without an id the names were erased.
                if (start.Id.Length > 0 && (query.Type is null || start.Type == query.Type) && start.LastDay.IsActiveOn(today) && !(start.LastDay.End >= query.ExpiresBefore))
                {
                    yield return (entry, index);
                }
            }
        }
    }

    private static RecordSubscription ToSubscription(Entry entry, int index)
    {
        ref readonly var start = ref ActiveStartsCall.StartsOf(entry)[index];
        return new(start.Type, start.Id, entry is RecordsVisited visited ? visited.SeenAt : entry.CreatedAt, start.LastDay.End);
    }

    /// <summary>Where to go on: an entry, and the place of a subscription in it.</summary>
    private readonly record struct Position(long Sequence, int Index)
    {
        public static bool TryParse(string cursor, out Position position)
        {
            position = default;
            var dash = cursor.IndexOf('-', StringComparison.Ordinal);
            if (dash < 0 || !long.TryParse(cursor.AsSpan(0, dash), NumberStyles.None, CultureInfo.InvariantCulture, out var sequence) ||
                !int.TryParse(cursor.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var index) || sequence == 0)
            {
                return false;
            }

            position = new(sequence, index);
            return true;
        }

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Sequence}-{Index}");
    }
}

/// <summary>Which of the subscriptions that entries started are active: told by the state, and durable like every answer.</summary>
/// <param name="starts">The subscriptions, in the order of a list.</param>
/// <param name="most">How many active ones are asked for.</param>
internal sealed class ActiveStartsCall(IReadOnlyList<(Entry Entry, int Index)> starts, int most) : Call
{
    public override CommandKey? Key => null;

    /// <summary>The first of those that are active, in the same order.</summary>
    public IReadOnlyList<(Entry Entry, int Index)> Active { get; private set; } = [];

    /// <summary>The account's time.</summary>
    public DateTimeOffset Now { get; private set; }

    public static RecordStart[] StartsOf(Entry entry) => entry switch
    {
        CreditsSpent spent => spent.Records,
        RecordsVisited visited => visited.Records,
        RecordsStarted started => started.Records,
        _ => [],
    };

    public override void Decide(ref Work work)
    {
        if (!work.State.IsOpen)
        {
            work.Decision = new(Account.Decide(work.State, new KeepAnswer { Answer = default }, work.Now), null, Credits.Zero);
            return;
        }

        var (state, today) = (work.State, RecordDay.Of(work.Now));
        Now = work.Now;
        Active = [.. starts.Where(start => state.IsSubscribed(StartsOf(start.Entry)[start.Index], start.Entry, today)).Take(most)];
        work.Decision = new(default, null, state.Available);
    }
}
