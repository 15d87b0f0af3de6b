using Metering.Core;
using Metering.Conformance;
using Xunit;

namespace Metering.Engine.Tests;

/// <summary>Runs of idempotency keys: what is damaged in one must show itself, because a key that is not found is charged again.</summary>
public sealed class KeyRunTests : IDisposable
{
    private readonly JournaledFiles files = new();

    public void Dispose() => files.Remove();

    [Fact]
    public void Further_keys_do_not_make_a_damaged_run_look_whole()
    {
        var older = new byte[KeyRuns.Size(2)];
        KeyRuns.Pack(older, [], [11, 12], [1, 2]);
        older[0] ^= 1;
        Assert.Throws<LedgerFormatException>(() => KeyRuns.Pack(new byte[KeyRuns.Size(3)], older, [13], [3]));
        Assert.Throws<LedgerFormatException>(() => KeyRuns.Find(new byte[KeyRuns.Size(2)], 11, []));
        older[0] ^= 1;
        var found = new List<long>();
        var longer = new byte[KeyRuns.Size(3)];
        KeyRuns.Pack(longer, older, [13], [3]);
        KeyRuns.Find(longer, 11, found);
        KeyRuns.Find(longer, 13, found);
        Assert.Equal([1, 3], found);
        Assert.Throws<LedgerFormatException>(() => KeyRuns.Pack(new byte[KeyRuns.Size(3)], older.AsSpan(0, older.Length - 1), [13], [3]));
    }

    [Fact]
    public async Task A_run_that_was_damaged_stops_the_projection_that_would_go_on_with_it()
    {
        var ledger = new LedgerWriting("runs");
        var store = files.Open();
        await store.AppendAsync([ledger.Next(2_000)]);
        Assert.True(store.Step());
        using (var database = SqliteDatabase.Open(files.Ledger, writable: true, busyMilliseconds: 0))
        {
            database.Execute("UPDATE key_runs SET body = zeroblob(length(body))");
        }

        await store.AppendAsync([ledger.Next(2_000)]);
        while (store.Step())
        {
        }

        var refused = await Assert.ThrowsAsync<LedgerFatalException>(async () => await store.AppendAsync([ledger.Next()]));
        Assert.Contains("A run of idempotency keys in the ledger's file is damaged", refused.Message, StringComparison.Ordinal);
        store.Abandon();
    }
}
