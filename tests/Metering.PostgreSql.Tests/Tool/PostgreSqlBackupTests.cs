using System.Collections.Concurrent;
using Metering.Cli;
using Metering.Cli.Tests;
using Metering.Engine;
using Metering.Gateway.Tests;
using Metering.PostgreSql.Testing;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.PostgreSql.Tests;

/// <summary>A test that needs PostgreSQL's programs for backups; where they are not, it is skipped with a word.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class BackupFactAttribute : FactAttribute
{
    public BackupFactAttribute() => Skip = PostgreSqlServer.WhyNotOwn ?? PostgreSqlPrograms.WhyNoBackup;
}

/// <summary>What <c>metering backup</c> says of PostgreSQL, line by line as it says it, while a ledger is written.</summary>
public sealed class PostgreSqlBackupTests : IAsyncLifetime
{
    private const int Writers = 8;
    private const string Name = "metering";

    private readonly TempFolder folder = new();
    private PostgreSqlServer postgres = null!;
    private string curl = null!;

    private string Connection => postgres.ConnectionString(Name);

    private string Target => folder.File("backup");

    public async Task InitializeAsync()
    {
        if (PostgreSqlServer.WhyNotOwn is not null || OperatingSystem.IsWindows())
        {
            return;
        }

        postgres = await PostgreSqlServer.StartAsync();
        await postgres.ExecuteAsync(null, $"CREATE DATABASE {Name} TEMPLATE template0");
        await using var server = await ServerProcess.StartAsync(Directory.CreateDirectory(folder.File("server")), "--store", "postgres", "--connection", Connection);
        curl = server.CurlLines[0];
        Assert.Contains("\"credits\":82", await server.RunAsync(server.CurlLines[1]), StringComparison.Ordinal);

        // PostgreSQL runs as another user where the tests run as root.
        File.SetUnixFileMode(folder.File("."), (UnixFileMode)0b111_111_111);
    }

    public async Task DisposeAsync()
    {
        if (postgres is not null)
        {
            await postgres.DisposeAsync();
        }

        folder.Remove();
    }

    [BackupFact]
    public async Task A_dump_that_was_taken_under_load_is_restored_with_all_that_was_acknowledged_before_it_began()
    {
        var guidance = await Guidance.ReadAsync(Connection, Target);
        Dictionary<AccountId, TransactionId> before = [];
        await SpendAsync(async acknowledged =>
        {
            before = new(acknowledged);
            await guidance.RunAsync("One consistent file");
        });
        await guidance.RunAsync("Restored into a database beside it");
        await ProveAsync(postgres.ConnectionString($"{Name}_restored"), before);
    }

    [BackupFact]
    public async Task A_base_backup_and_the_log_since_then_bring_back_everything_that_was_acknowledged()
    {
        var guidance = await Guidance.ReadAsync(Connection, Target);
        await guidance.RunAsync("A base backup and the log since then");
        await postgres.StopAsync();
        await postgres.StartAgainAsync();
        ConcurrentDictionary<AccountId, TransactionId> all = [];
        await SpendAsync(async acknowledged =>
        {
            all = acknowledged;
            await guidance.RunAsync("Then the base backup");
        });
        await ArchiveLogAsync();
        await postgres.StopAsync();

        // It listens where this test alone finds it, and so do not two servers on one machine get in each other's way.
        var restored = Path.Combine(Target, "restored");
        await PostgreSqlPrograms.RunAsync($"printf '%s\\n' \"listen_addresses = ''\" \"unix_socket_directories = '{restored}'\" >> '{Path.Combine(Target, "base", "postgresql.auto.conf")}'");
        await guidance.RunAsync("Restored to the end of the log");
        try
        {
            await ProveAsync($"Host={restored};Username=postgres;Database={Name};Pooling=false", new(all));
        }
        finally
        {
            await PostgreSqlPrograms.RunAsync($"pg_ctl --pgdata='{restored}' --mode=immediate --wait stop");
        }
    }

    /// <summary>Spends from many accounts at once while a backup is made, which begins when all of them do.</summary>
    private async Task SpendAsync(Func<ConcurrentDictionary<AccountId, TransactionId>, Task> backup)
    {
        ConcurrentDictionary<AccountId, TransactionId> acknowledged = [];
        using var ended = new CancellationTokenSource();
        await using var services = Serve(Connection);
        var meter = services.GetRequiredService<EmbeddedCreditMeter>();
        using var allWrite = new CountdownEvent(Writers);
        var writers = Enumerable.Range(0, Writers).Select(number => Task.Run(async () =>
        {
            var account = new AccountId($"account-{number}");
            await TestData.OpenAsync(meter, account);
            for (var call = 0; !ended.IsCancellationRequested; call++)
            {
                acknowledged[account] = (await meter.DeductAsync(account, new() { Amount = Credits.Of(0.01m), IdempotencyKey = $"load-{call}" }, CancellationToken.None)).Value.TransactionId;
                if (call == 20)
                {
                    allWrite.Signal();
                }
            }
        })).ToArray();
        await Task.Run(() => allWrite.Wait());
        await backup(acknowledged);
        await ended.CancelAsync();
        await Task.WhenAll(writers);
    }

    /// <summary>The ledger is sound, has every transaction, takes more, and a server starts on it and knows its key.</summary>
    private async Task ProveAsync(string connection, Dictionary<AccountId, TransactionId> before)
    {
        Assert.Equal(Writers, before.Count);
        (await ToolRun.OfAsync("verify", "--store", connection)).IsDone();
        await using (var services = Serve(connection))
        {
            var meter = services.GetRequiredService<ICreditMeter>();
            foreach (var (account, last) in before)
            {
                Assert.Equal(TransactionState.Charged, (await meter.GetTransactionAsync(account, last)).Value.State);
                _ = (await meter.DeductAsync(account, new() { Amount = Credits.Of(1), Description = "After the backup" })).Value;
            }
        }

        await using (var server = await ServerProcess.StartAsync(new(folder.File("server")), "--store", "postgres", "--connection", connection))
        {
            Assert.Equal("""{"credits":82}""", await server.RunAsync(curl));
        }

        (await ToolRun.OfAsync("verify", "--store", connection)).IsDone();
    }

    /// <summary>Ends the log's file, and waits until it is in the archive.</summary>
    private async Task ArchiveLogAsync()
    {
        var last = (string)(await postgres.ExecuteAsync(null, "SELECT pg_walfile_name(pg_switch_wal())"))!;
        while (await postgres.ExecuteAsync(null, $"SELECT last_archived_wal >= '{last}' FROM pg_stat_archiver") is not true)
        {
            Assert.Equal(0L, await postgres.ExecuteAsync(null, "SELECT failed_count FROM pg_stat_archiver"));
        }
    }

    private static ServiceProvider Serve(string connection)
    {
        var services = new ServiceCollection().AddLogging();
        services.AddCreditMetering(options => options.UsePostgreSql($"{connection};Pooling=false").SnapshotInterval = 100);
        return services.BuildServiceProvider();
    }

    /// <summary>The tool's words: paragraphs of a sentence and the lines of a shell, indented, that do what it says.</summary>
    private sealed class Guidance(string[][] paragraphs)
    {
        public static async Task<Guidance> ReadAsync(string connection, string target)
        {
            var run = await ToolRun.OfAsync("backup", "--store", connection, "--to", target);
            Assert.Equal(ExitCode.CannotRun, run.Code);
            return new([.. run.Output.ReplaceLineEndings("\n").Split("\n\n").Select(paragraph => paragraph.Split('\n', StringSplitOptions.RemoveEmptyEntries))]);
        }

        /// <summary>Runs the lines of the paragraph that begins with some words, after those of the first, which sets what they all use.</summary>
        public Task<string> RunAsync(string beginning) =>
            PostgreSqlPrograms.RunAsync(string.Join('\n', paragraphs[0][1..].Concat(Assert.Single(paragraphs, lines => lines[0].StartsWith(beginning, StringComparison.Ordinal))[1..])));
    }
}
