using Metering.Conformance;
using Xunit;

namespace Metering.Engine.Tests;

/// <summary>Where a crash can fall between the journal and the pages, and what belongs together at a start.</summary>
public sealed class JournaledStoreTests : IDisposable
{
    private readonly JournaledFiles files = new();

    public void Dispose() => files.Remove();

    [Fact]
    public async Task A_crash_between_the_commit_and_its_projection_loses_nothing()
    {
        var ledger = new LedgerWriting("crash");
        var store = files.Open();
        await store.AppendAsync([ledger.Next(3)]);
        await store.AppendAsync([ledger.Next([true, false])]);
        store.Abandon();

        store = files.Open();
        Assert.Equal(5, store.BacklogEntries);
        await AssertHoldsAsync(store, ledger);
        Drain(store);
        Assert.Equal(0, store.BacklogEntries);
        await AssertHoldsAsync(store, ledger);
        store.Abandon();
        store = files.Open();
        await AssertHoldsAsync(store, ledger);
        await store.DisposeAsync();
    }

    [Fact]
    public async Task A_crash_between_the_projection_and_the_deletion_doubles_nothing()
    {
        var ledger = new LedgerWriting("crash");
        var store = files.Open();
        await store.AppendAsync([ledger.Next(3)]);
        Assert.True(store.Step());
        Assert.Equal(1, store.Watermark);
        store.Abandon();

        store = files.Open();
        Assert.Equal(0, store.BacklogEntries);
        Assert.Equal(1, files.OpenJournal.State!.Value.First);
        await AssertHoldsAsync(store, ledger);
        await store.AppendAsync([ledger.Next(2)]);
        Drain(store);
        Assert.Equal(0, files.OpenJournal.State!.Value.First);
        await AssertHoldsAsync(store, ledger);
        await store.DisposeAsync();
    }

    [Fact]
    public async Task A_watermark_that_is_behind_is_gone_on_from()
    {
        var (first, second) = (new LedgerWriting("first"), new LedgerWriting("second", 2));
        var options = new JournaledLedgerOptions { StepBytes = 1 };
        var store = files.Open(options);
        for (var commit = 0; commit < 6; commit++)
        {
            await store.AppendAsync([first.Next(2), second.Next()]);
        }

        Assert.True(store.Step());
        Assert.True(store.Step());
        Assert.True(store.Step());
        Assert.InRange(store.Watermark, 1, 3);
        store.Abandon();

        store = files.Open(options);
        Assert.InRange(store.BacklogEntries, 9, 15);
        await AssertHoldsAsync(store, first);
        await AssertHoldsAsync(store, second);
        Drain(store);
        await AssertHoldsAsync(store, first);
        await AssertHoldsAsync(store, second);
        await store.DisposeAsync();
    }

    [Fact]
    public async Task A_journal_that_was_deleted_after_a_whole_close_loses_nothing()
    {
        var ledger = new LedgerWriting("closed");
        var store = files.Open();
        await store.AppendAsync([ledger.Next(3)]);
        await store.DisposeAsync();
        File.Delete(files.Journal);

        store = files.Open();
        await AssertHoldsAsync(store, ledger);
        await store.AppendAsync([ledger.Next()]);
        store.Abandon();
        store = files.Open();
        await AssertHoldsAsync(store, ledger);
        await store.DisposeAsync();
    }

    [Fact]
    public async Task A_journal_that_was_deleted_while_the_pages_need_it_stops_the_start()
    {
        var store = files.Open();
        await store.AppendAsync([new LedgerWriting("needed").Next()]);
        store.Abandon();
        File.Move(files.Journal, files.File("kept"));
        Assert.Equal(
            "The journal metering.journal.db of the ledger metering.db is missing or empty, and it may hold entries that were acknowledged. "
            + "Put metering.journal.db back beside metering.db, or restore a backup of both.",
            Refused());

        File.Move(files.File("kept"), files.Journal, overwrite: true);
        store = files.Open();
        Assert.Equal(1, store.BacklogEntries);
        await store.DisposeAsync();
    }

    [Fact]
    public async Task The_journal_of_another_ledger_stops_the_start()
    {
        var others = new JournaledFiles();
        await others.Open().DisposeAsync();
        await files.Open().DisposeAsync();
        File.Copy(others.Journal, files.Journal, overwrite: true);
        others.Remove();
        Assert.StartsWith("The journal metering.journal.db belongs to another ledger than metering.db.", Refused(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_older_journal_stops_the_start_and_so_does_an_older_ledger()
    {
        var ledger = new LedgerWriting("older");
        await WriteAndCrashAsync(ledger);
        File.Copy(files.Journal, files.File("journal-1"));
        File.Copy(files.Ledger, files.File("ledger-1"));
        await WriteAndCrashAsync(ledger);
        await WriteAndCrashAsync(ledger);
        File.Copy(files.Journal, files.File("journal-3"));

        File.Copy(files.File("journal-1"), files.Journal, overwrite: true);
        Assert.StartsWith("The journal metering.journal.db is older than the ledger metering.db", Refused(), StringComparison.Ordinal);

        File.Copy(files.File("journal-3"), files.Journal, overwrite: true);
        File.Move(files.Ledger, files.File("ledger-3"));
        File.Copy(files.File("ledger-1"), files.Ledger);
        Assert.StartsWith("The ledger metering.db is older than its journal metering.journal.db", Refused(), StringComparison.Ordinal);

        File.Move(files.File("ledger-3"), files.Ledger, overwrite: true);
        var store = files.Open();
        await AssertHoldsAsync(store, ledger);
        await store.DisposeAsync();
    }

    [Theory]
    [InlineData("UPDATE records SET record = substr(record, 1, length(record) - 1) || x'00' WHERE position = 2", "Record 2 of metering.journal.db is damaged")]
    [InlineData("UPDATE records SET record = x'' WHERE position = 2", "Record 2 of metering.journal.db is damaged")]
    [InlineData("UPDATE records SET record = x'09' || substr(record, 2) WHERE position = 2", "Record 2 of metering.journal.db has format version 9")]
    [InlineData("DELETE FROM records WHERE position = 2", "Record 2 of metering.journal.db is missing")]
    [InlineData("UPDATE records SET record = (SELECT record FROM records WHERE position = 1) WHERE position = 2", "Record 2 of metering.journal.db is damaged")]
    public async Task A_damaged_record_is_named_in_one_sentence(string damage, string expected)
    {
        var ledger = new LedgerWriting("damaged");
        var store = files.Open();
        for (var commit = 0; commit < 3; commit++)
        {
            await store.AppendAsync([ledger.Next()]);
        }

        store.Abandon();
        using (var database = SqliteDatabase.Open(files.Journal, writable: true, busyMilliseconds: 0))
        {
            database.Execute(damage);
        }

        var message = Refused();
        Assert.StartsWith(expected, message, StringComparison.Ordinal);
        Assert.Contains("Restore metering.db and metering.journal.db from one backup", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_damaged_page_is_told_where_it_is_read()
    {
        var ledger = new LedgerWriting("page");
        var store = files.Open();
        await store.AppendAsync([ledger.Next(3)]);
        await store.DisposeAsync();
        using (var database = SqliteDatabase.Open(files.Ledger, writable: true, busyMilliseconds: 0))
        {
            database.Execute("UPDATE pages SET last_number = last_number + 1");
        }

        store = files.Open();
        var told = await Assert.ThrowsAsync<Metering.Core.LedgerFormatException>(async () => await store.ReadAsync(ledger.Account, 1, 10));
        Assert.Contains("does not fit its checksum", told.Message, StringComparison.Ordinal);
        await store.DisposeAsync();
    }

    [Fact]
    public async Task A_lag_that_memory_may_not_hold_is_served_from_the_journal()
    {
        var ledgers = Enumerable.Range(0, 5).Select(number => new LedgerWriting($"lag-{number}", number)).ToArray();
        var store = files.Open();
        for (var commit = 0; commit < 40; commit++)
        {
            await store.AppendAsync([.. ledgers.Select(ledger => ledger.Next(3))]);
        }

        store.Abandon();
        store = files.Open(new() { MaxBacklogBytes = 4_096, StepBytes = 16_384 });
        Assert.Equal(600, store.BacklogEntries);
        foreach (var ledger in ledgers)
        {
            await AssertHoldsAsync(store, ledger);
        }

        // An append goes on beside the lag, at the projector's pace.
        for (var commit = 0; commit < 20; commit++)
        {
            var append = store.AppendAsync([ledgers[0].Next()]).AsTask();
            while (!append.IsCompleted)
            {
                store.Step();
            }

            await append;
            await AssertHoldsAsync(store, ledgers[0]);
        }

        Drain(store);
        foreach (var ledger in ledgers)
        {
            await AssertHoldsAsync(store, ledger);
        }

        await store.DisposeAsync();
    }

    [Fact]
    public async Task A_full_backlog_makes_appends_wait_while_reads_go_on()
    {
        var ledger = new LedgerWriting("full");
        var store = files.Open(new() { MaxBacklogBytes = 20_000 });
        Task append;
        do
        {
            append = store.AppendAsync([ledger.Next(10)]).AsTask();
        }
        while (append.IsCompletedSuccessfully);

        Assert.False(append.IsCompleted);
        Assert.True(store.IsStepDue);
        Assert.Equal(ledger.Head.Sequence - 10, (await store.ReadHeadAsync(ledger.Account)).Head.Sequence);
        using (var cancel = new CancellationTokenSource())
        {
            var cancelled = store.AppendAsync([ledger.Rival(2).Next()], cancel.Token).AsTask();
            await cancel.CancelAsync();
            Assert.True(store.Step());
            await append;
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        }

        await AssertHoldsAsync(store, ledger);
        await store.DisposeAsync();
    }

    [Fact]
    public async Task Pages_that_cannot_be_written_refuse_appends_once_the_backlog_is_full_and_recover_by_themselves()
    {
        var ledger = new LedgerWriting("refused");
        var store = files.Open(new() { MaxBacklogBytes = 50_000 });
        files.OpenPages.LimitGrowth(pages: 0);
        Assert.True(await store.IsHealthyAsync());
        await store.AppendAsync([ledger.Next(1_000)]);
        Assert.False(store.Step());
        Assert.False(await store.IsHealthyAsync());

        AppendGroup group;
        LedgerUnavailableException? refused = null;
        do
        {
            group = ledger.Next(100);
            refused = await Record.ExceptionAsync(async () => await store.AppendAsync([group])) as LedgerUnavailableException;
        }
        while (refused is null);
        Assert.Contains("metering.db cannot be written now", refused.Message, StringComparison.Ordinal);
        Assert.Equal(group.Expected, (await store.ReadHeadAsync(ledger.Account)).Head);

        files.OpenPages.LimitGrowth(pages: 1_000_000);
        Drain(store);
        Assert.True(await store.IsHealthyAsync());
        await store.AppendAsync([group]);
        await AssertHoldsAsync(store, ledger);
        await store.DisposeAsync();
    }

    [Fact]
    public async Task A_journal_that_does_not_let_go_of_its_records_holds_up_no_append()
    {
        var ledger = new LedgerWriting("stubborn");
        var journal = files.OpenStubborn(new() { MaxBacklogBytes = 20_000 }, out var store);
        await store.AppendAsync([ledger.Next()]);
        Assert.True(store.Step());
        journal.KeepsRecords = true;
        Task append;
        do
        {
            append = store.AppendAsync([ledger.Next(10)]).AsTask();
        }
        while (append.IsCompletedSuccessfully);

        Assert.True(store.Step());
        await append;
        Drain(store);
        Assert.Equal(0, store.BacklogEntries);
        Assert.Equal(1, files.OpenJournal.State!.Value.First);
        await AssertHoldsAsync(store, ledger);

        journal.KeepsRecords = false;
        Drain(store);
        Assert.Equal(0, files.OpenJournal.State!.Value.First);
        await AssertHoldsAsync(store, ledger);
        await store.DisposeAsync();
    }

    [Fact]
    public async Task Closing_lets_an_append_that_waits_go()
    {
        var ledger = new LedgerWriting("closing");
        var store = files.Open(new() { MaxBacklogBytes = 20_000 });
        Task append;
        do
        {
            append = store.AppendAsync([ledger.Next(10)]).AsTask();
        }
        while (append.IsCompletedSuccessfully);
        await store.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => append);
    }

    [Fact]
    public async Task A_snapshot_is_kept_through_the_projection_and_dropped_by_a_crash_before_it()
    {
        var ledger = new LedgerWriting("snapshot");
        var store = files.Open();
        await store.AppendAsync([ledger.Next()]);
        await store.SaveSnapshotAsync(ledger.Account, new(ledger.Head, 1, new byte[] { 1 }));
        Assert.Single(await store.ReadSnapshotsAsync(ledger.Account));
        store.Abandon();

        store = files.Open();
        Assert.Empty(await store.ReadSnapshotsAsync(ledger.Account));
        await store.SaveSnapshotAsync(ledger.Account, new(ledger.Head, 2, new byte[] { 2 }));
        Drain(store);
        store.Abandon();
        store = files.Open();
        Assert.Equal(2, Assert.Single(await store.ReadSnapshotsAsync(ledger.Account)).FormatVersion);
        await store.DisposeAsync();
    }

    private static void Drain(JournaledLedgerStore store)
    {
        while (store.Step())
        {
        }
    }

    private static async Task AssertHoldsAsync(JournaledLedgerStore store, LedgerWriting ledger)
    {
        Assert.Equal((ledger.Head, ledger.Transactions), await store.ReadHeadAsync(ledger.Account));
        Assert.Equal(ledger.Rows.Select(Comparable), (await store.ReadAsync(ledger.Account, 1, 10_000)).Select(Comparable));
        Assert.Equal(ledger.TransactionsNewestFirst.Select(Comparable), (await store.ReadTransactionsAsync(ledger.Account, long.MaxValue, 10_000)).Select(Comparable));
        foreach (var row in ledger.Rows.Where(row => row.Key is not null))
        {
            Assert.Equal(row.Sequence, await store.FindKeyAsync(ledger.Account, row.Key!.Value));
        }
    }

    private static object Comparable(LedgerRow row) => (
        row.Sequence, row.TransactionNumber, row.IsTransaction, row.Key, row.Link, Convert.ToHexString(row.Facts.Span), Convert.ToHexString(row.Texts.Span));

    private string Refused() => Assert.Throws<MeteringStartupException>(() => files.Open()).Message;

    private async Task WriteAndCrashAsync(LedgerWriting ledger)
    {
        var store = files.Open();
        await store.AppendAsync([ledger.Next(2)]);
        Drain(store);
        store.Abandon();
    }
}
