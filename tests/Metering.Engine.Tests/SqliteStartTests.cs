using System.Runtime.Versioning;
using Metering.Conformance;
using Xunit;

namespace Metering.Engine.Tests;

/// <summary>What can be wrong with a file at a start: each ends in one sentence, and nothing is changed or lost.</summary>
public sealed class SqliteStartTests : IDisposable
{
    private readonly TempFolder folder = new();

    private string Database => folder.File("metering.db");

    public void Dispose() => folder.Remove();

    [Fact]
    public async Task The_folder_is_made_and_closing_leaves_whole_files()
    {
        var path = folder.File(Path.Combine("deep", "er", "metering.db"));
        await using (var store = SqliteLedgerStore.Open(path))
        {
            await store.AppendAsync([new LedgerWriting("a").Next()]);
        }

        Assert.Equal(["metering.db", "metering.db.lock", "metering.journal.db"], Directory.GetFiles(Path.GetDirectoryName(path)!).Select(Path.GetFileName).Order());
    }

    [Fact]
    public async Task The_ledger_and_the_directory_are_files_of_their_own()
    {
        var options = new CreditMeteringOptions().UseSqlite(Database);
        await using (options.LedgerStoreFactory!(null!))
        await using (options.DirectoryStoreFactory!(null!))
        {
            Assert.True(File.Exists(Database));
            Assert.True(File.Exists(folder.File("metering.directory.db")));
        }
    }

    [Fact]
    public async Task What_a_killed_process_left_is_recovered()
    {
        var ledger = new LedgerWriting("killed");
        await using (var store = SqliteLedgerStore.Open(Database))
        {
            await store.AppendAsync([ledger.Next(3)]);
            Directory.CreateDirectory(folder.File("left"));

            // What is on disk now is what a kill would leave.
            File.Copy(Database, folder.File("left/metering.db"));
            File.Copy(Database + "-wal", folder.File("left/metering.db-wal"));
            File.Copy(folder.File("metering.journal.db"), folder.File("left/metering.journal.db"));
            File.Copy(folder.File("metering.journal.db-wal"), folder.File("left/metering.journal.db-wal"));
        }

        await using var recovered = SqliteLedgerStore.Open(folder.File("left/metering.db"));
        Assert.Equal(ledger.Head, (await recovered.ReadHeadAsync(ledger.Account)).Head);
    }

    [Fact]
    public async Task A_newer_schema_is_refused()
    {
        await SqliteLedgerStore.Open(Database).DisposeAsync();
        Execute("PRAGMA user_version = 7");
        Assert.Equal(
            $"The database metering.db was written by a newer version (schema 7; this build knows {LedgerSchema.Format.Migrations.Count}). Start the newer version, or restore a backup.",
            Refused().Message);

        Execute($"PRAGMA user_version = {LedgerSchema.Format.Migrations.Count}");
        await SqliteLedgerStore.Open(Database).DisposeAsync();
    }

    [Theory]
    [InlineData("this is no database at all, but long enough to look like one")]
    [InlineData("x")]
    public void A_file_that_is_no_database_is_refused_and_left_alone(string content)
    {
        File.WriteAllText(Database, content);
        Assert.StartsWith("The database metering.db is damaged, or is no database", Refused().Message, StringComparison.Ordinal);
        Assert.Equal(content, File.ReadAllText(Database));
    }

    [Fact]
    public async Task A_database_of_something_else_is_refused()
    {
        Execute("CREATE TABLE others (id INTEGER)");
        Assert.Equal("The file metering.db is a database of something else. Choose another path.", Refused().Message);

        // The directory is something else, too.
        await SqliteDirectoryStore.Open(folder.File("directory.db")).DisposeAsync();
        var refused = Assert.Throws<MeteringStartupException>(() => SqliteLedgerStore.Open(folder.File("directory.db")));
        Assert.Contains("something else", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_truncated_or_overwritten_database_is_refused()
    {
        await FillAsync();
        var whole = File.ReadAllBytes(Database);

        File.WriteAllBytes(Database, whole[..(whole.Length / 2)]);
        Assert.Contains("damaged", Refused().Message, StringComparison.Ordinal);

        var overwritten = whole.ToArray();
        overwritten.AsSpan(whole.Length / 2 / 16_384 * 16_384, 16_384).Fill(0xAB);
        File.WriteAllBytes(Database, overwritten);
        var message = Refused().Message;
        Assert.Contains("damaged", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);

        File.WriteAllBytes(Database, whole);
        await using var store = SqliteLedgerStore.Open(Database);
        Assert.Equal(500, (await store.ReadHeadAsync(new("filled"))).Head.Sequence);
    }

    [Fact]
    public async Task A_database_without_its_tables_is_refused()
    {
        await SqliteLedgerStore.Open(Database).DisposeAsync();
        Execute("DROP TABLE snapshots");
        Assert.Contains("no such table: snapshots", Refused().Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_opening_is_refused_until_the_first_is_closed()
    {
        var ledger = new LedgerWriting("first");
        await using (var first = SqliteLedgerStore.Open(Database))
        {
            var refused = Refused();
            Assert.StartsWith("The database metering.db is in use by another process", refused.Message, StringComparison.Ordinal);
            Assert.Contains(Database + ".lock", refused.Message, StringComparison.Ordinal);

            // A refused opening must not loosen the first one's hold.
            await first.AppendAsync([ledger.Next()]);
            Refused();
        }

        await using var second = SqliteLedgerStore.Open(Database);
        Assert.Equal(ledger.Head, (await second.ReadHeadAsync(ledger.Account)).Head);
    }

    [Fact]
    public async Task Another_name_of_the_same_file_meets_the_same_lock()
    {
        await using var first = SqliteLedgerStore.Open(Database);
        File.CreateSymbolicLink(folder.File("alias.db"), Database);
        Assert.Throws<MeteringStartupException>(() => SqliteLedgerStore.Open(folder.File("alias.db")));
    }

    [Fact]
    public void A_path_that_cannot_hold_a_file_is_refused()
    {
        File.WriteAllText(folder.File("file"), "not a folder");
        var under = Assert.Throws<MeteringStartupException>(() => SqliteLedgerStore.Open(folder.File("file/metering.db")));
        Assert.Contains("cannot be made", under.Message, StringComparison.Ordinal);

        Directory.CreateDirectory(Database);
        Assert.Contains("is a folder; name a file in it", Refused().Message, StringComparison.Ordinal);
        Assert.Contains("is empty", Assert.Throws<MeteringStartupException>(() => SqliteLedgerStore.Open(" ")).Message, StringComparison.Ordinal);
        Assert.DoesNotContain("metering.db.lock", Directory.GetFileSystemEntries(folder.File(".")).Select(Path.GetFileName));
    }

    [Fact]
    public async Task A_database_held_by_another_program_is_refused_and_works_again_after()
    {
        await FillAsync();
        using (var other = SqliteDatabase.Open(Database, writable: true, busyMilliseconds: 0))
        {
            other.Execute("PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; CREATE TABLE held (id INTEGER); COMMIT");
            Assert.Contains("in use by another program", Refused().Message, StringComparison.Ordinal);
            other.Execute("DROP TABLE held");
        }

        await SqliteLedgerStore.Open(Database).DisposeAsync();
    }

    [UnsupportedOSPlatform("windows")]
    [SkippableByRightsFact]
    public void A_read_only_folder_is_refused()
    {
        var locked = Directory.CreateDirectory(folder.File("locked"));
        File.SetUnixFileMode(locked.FullName, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var refused = Assert.Throws<MeteringStartupException>(() => SqliteLedgerStore.Open(Path.Combine(locked.FullName, "metering.db")));
        File.SetUnixFileMode(locked.FullName, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Assert.Contains("cannot be written", refused.Message, StringComparison.Ordinal);
    }

    private MeteringStartupException Refused() => Assert.Throws<MeteringStartupException>(() => SqliteLedgerStore.Open(Database));

    private async Task FillAsync()
    {
        await using var store = SqliteLedgerStore.Open(Database);
        var ledger = new LedgerWriting("filled");
        for (var commit = 0; commit < 10; commit++)
        {
            await store.AppendAsync([ledger.Next(50)]);
        }
    }

    private void Execute(string sql)
    {
        using var database = SqliteDatabase.Open(Database, writable: true, busyMilliseconds: 0);
        database.Execute(sql);
    }

    /// <summary>Root may write everywhere, so rights prove nothing there; nor has Windows these rights.</summary>
    private sealed class SkippableByRightsFactAttribute : FactAttribute
    {
        public SkippableByRightsFactAttribute()
        {
            if (OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess)
            {
                Skip = "Rights do not bind this user: run as an ordinary one on Linux or macOS.";
            }
        }
    }
}
