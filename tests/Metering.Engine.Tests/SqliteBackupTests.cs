using Metering.Conformance;
using Xunit;

namespace Metering.Engine.Tests;

/// <summary>Backups of files that are being written: each is of one moment, all of a ledger's files of the same one.</summary>
public sealed class SqliteBackupTests : IDisposable
{
    private readonly TempFolder folder = new();

    private string Ledger => folder.File("metering.db");

    public void Dispose() => folder.Remove();

    [Fact]
    public async Task A_backup_of_a_store_in_use_holds_everything_appended_before_it_and_can_be_written_on()
    {
        var ledger = new LedgerWriting("busy");
        await using (var store = SqliteLedgerStore.Open(Ledger))
        await using (SqliteDirectoryStore.Open(SqliteMeteringOptions.DirectoryPath(Ledger)))
        {
            await store.AppendAsync([ledger.Next(10)]);
            var files = SqliteBackup.Run(Ledger, folder.File("backup"));
            Assert.Contains(files, file => file.Name == "metering.db" && file.Bytes > 0);
            Assert.Contains(files, file => file.Name == "metering.directory.db");

            // The one that was copied goes on, too.
            await store.AppendAsync([new LedgerWriting("after").Next()]);
        }

        await using (var copy = SqliteLedgerStore.Open(folder.File("backup/metering.db")))
        {
            Assert.Equal([ledger.Account], await copy.ListAccountsAsync(null, 10));
            Assert.Equal(ledger.Head, (await copy.ReadHeadAsync(ledger.Account)).Head);
            await copy.AppendAsync([ledger.Next(3)]);
        }

        await using var again = SqliteLedgerStore.Open(folder.File("backup/metering.db"));
        Assert.Equal(ledger.Head, (await again.ReadHeadAsync(ledger.Account)).Head);
    }

    [Fact]
    public async Task What_a_killed_process_left_in_the_log_is_backed_up_and_the_folder_stays_startable()
    {
        var ledger = new LedgerWriting("killed");
        Directory.CreateDirectory(folder.File("left"));
        await using (var store = SqliteLedgerStore.Open(Ledger))
        {
            await store.AppendAsync([ledger.Next(3)]);
            foreach (var file in Directory.GetFiles(folder.File("."), "metering.*").Where(file => !file.EndsWith(".lock", StringComparison.Ordinal)))
            {
                File.Copy(file, Path.Combine(folder.File("left"), Path.GetFileName(file)));
            }
        }

        SqliteBackup.Run(folder.File("left/metering.db"), folder.File("backup"));
        foreach (var path in new[] { "backup/metering.db", "left/metering.db" })
        {
            await using var opened = SqliteLedgerStore.Open(folder.File(path));
            Assert.Equal(ledger.Head, (await opened.ReadHeadAsync(ledger.Account)).Head);
        }
    }

    [Fact]
    public async Task Records_that_move_from_file_to_file_meanwhile_are_never_in_neither()
    {
        using var ended = new CancellationTokenSource();
        using var ledger = Make(Ledger, "CREATE TABLE mark (through INTEGER NOT NULL); INSERT INTO mark VALUES (0)");
        using var records = Make(folder.File("metering.records.db"), "CREATE TABLE records (position INTEGER PRIMARY KEY)");
        var moving = Task.Factory.StartNew(() => Move(ledger, records, ended.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

        for (var round = 0; round < 20; round++)
        {
            SqliteBackup.Run(Ledger, folder.File($"backup-{round}"));
            using var ledgerCopy = SqliteDatabase.Open(folder.File($"backup-{round}/metering.db"), writable: false, busyMilliseconds: 0);
            using var recordsCopy = SqliteDatabase.Open(folder.File($"backup-{round}/metering.records.db"), writable: false, busyMilliseconds: 0);
            var through = ledgerCopy.Scalar("SELECT through FROM mark");
            var (first, last) = (recordsCopy.Scalar("SELECT ifnull(min(position), 0) FROM records"), recordsCopy.Scalar("SELECT ifnull(max(position), 0) FROM records"));
            Assert.True(first <= through + 1, $"Positions {through + 1} to {first - 1} are in neither file.");
            Assert.True(last == 0 || last >= through, $"The ledger has positions up to {through}, the records end at {last}.");
        }

        await ended.CancelAsync();
        Assert.True(await moving > 20);
    }

    [Fact]
    public async Task A_folder_that_holds_something_is_not_written_over()
    {
        await SqliteLedgerStore.Open(Ledger).DisposeAsync();
        SqliteBackup.Run(Ledger, folder.File("backup"));
        var refused = Assert.Throws<MeteringStartupException>(() => SqliteBackup.Run(Ledger, folder.File("backup")));
        Assert.Contains("is not an empty folder", refused.Message, StringComparison.Ordinal);
        Assert.Throws<MeteringStartupException>(() => SqliteBackup.Run(folder.File("none/metering.db"), folder.File("other")));
        Assert.False(Directory.Exists(folder.File("other")));
    }

    [Fact]
    public async Task A_backup_that_is_broken_off_leaves_no_folder_that_looks_whole_and_can_be_made_again()
    {
        var ledger = new LedgerWriting("large");
        await using (var store = SqliteLedgerStore.Open(Ledger))
        {
            await store.AppendAsync([ledger.Next(100)]);
        }

        using var cancelled = new CancellationTokenSource();
        var target = folder.File("backup");
        await SqliteDirectoryStore.Open(SqliteMeteringOptions.DirectoryPath(Ledger)).DisposeAsync();
        Assert.ThrowsAny<OperationCanceledException>(() => SqliteBackup.Run(Ledger, target, (_, _) => cancelled.Cancel(), cancelled.Token));
        Assert.False(Directory.Exists(target));

        SqliteBackup.Run(Ledger, target);
        Assert.False(Directory.Exists(target + ".partial"));
        await using var copy = SqliteLedgerStore.Open(Path.Combine(target, "metering.db"));
        Assert.Equal(ledger.Head, (await copy.ReadHeadAsync(ledger.Account)).Head);
    }

    private static SqliteDatabase Make(string path, string schema)
    {
        var database = SqliteDatabase.Open(path, writable: true, busyMilliseconds: 10_000);
        database.ScalarText("PRAGMA journal_mode = WAL");
        database.Execute($"PRAGMA synchronous = OFF; PRAGMA application_id = {0x4D_54_00_01}; {schema}");
        return database;
    }

    /// <summary>Writes records, and moves them on as they come: first the mark goes on, then the records go away.</summary>
    private static long Move(SqliteDatabase ledger, SqliteDatabase records, CancellationToken ended)
    {
        var position = 0L;
        while (!ended.IsCancellationRequested)
        {
            // The last record stays, so that the file tells how far it went.
            position++;
            records.Execute($"INSERT INTO records VALUES ({position})");
            if (position % 3 == 0)
            {
                ledger.Execute($"UPDATE mark SET through = {position}");
                records.Execute($"DELETE FROM records WHERE position < {position}");
            }
        }

        return position;
    }
}
