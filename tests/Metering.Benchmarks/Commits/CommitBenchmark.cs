using System.Diagnostics;
using SQLitePCL;

namespace Metering.Benchmarks;

/// <summary>A way to make one small record durable, one after another.</summary>
/// <param name="Name">disk-sync, sqlite-commit or postgres-commit.</param>
/// <param name="Description">What was done.</param>
/// <param name="Count">How often.</param>
/// <param name="Latency">Milliseconds.</param>
internal sealed record CommitResult(string Name, string Description, long Count, Percentiles Latency);

/// <summary>What one caller is compared with: the bare commit of one record on this disk.</summary>
internal sealed class CommitBenchmark(ResultStore results)
{
    public const string Usage = """
        commits   what one durable record costs on this disk: a sync of a file, a bare commit of SQLite, a bare commit of PostgreSQL
          --seconds N             of each, 1 to 600, default 5
        """;

    private const int RecordBytes = 200;

    public async Task RunAsync(Arguments arguments)
    {
        var seconds = arguments.Number("--seconds", 5, 1, 600);
        arguments.RefuseOthers();
        Report(Measure("disk-sync", "4 KiB written over and synced (fsync)", seconds, folder => new SyncedFile(folder)));
        Report(Measure("sqlite-commit", $"SQLite, WAL, synchronous=FULL: one prepared INSERT of {RecordBytes} bytes a commit", seconds, folder => new SqliteRecords(folder)));
        if (PostgreSqlServer.IsInstalled && PostgreSqlServer.Find("pgbench") is not null)
        {
            Report(await MeasurePostgreSqlAsync(seconds));
        }
        else
        {
            Console.WriteLine($"postgres-commit is left out: {PostgreSqlServer.HowToInstall}");
        }
    }

    private static CommitResult Measure<T>(string name, string description, int seconds, Func<string, T> open)
        where T : IDisposable, IRecordWriter
    {
        using var folder = new ScratchFolder("commits");
        using var writer = open(folder.Path);
        var (latencies, clock) = (new LatencyHistogram(), Stopwatch.StartNew());
        for (var isWarm = false; clock.Elapsed.TotalSeconds < seconds + 1;)
        {
            if (!isWarm && clock.Elapsed.TotalSeconds >= 1)
            {
                (latencies, isWarm) = (new(), true);
            }

            var started = Stopwatch.GetTimestamp();
            writer.Write();
            latencies.Add(Stopwatch.GetElapsedTime(started));
        }

        return new(name, description, latencies.Count, latencies.ToPercentiles());
    }

    private static async Task<CommitResult> MeasurePostgreSqlAsync(int seconds)
    {
        await using var server = await PostgreSqlServer.StartAsync(4);
        await server.ExecuteAsync("CREATE TABLE record (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text NOT NULL)");
        var script = $"INSERT INTO record (body) VALUES ('{new string('x', RecordBytes)}');\n";
        var figure = await Pgbench.RunAsync(server, "postgres-commit", script, new(1, 1, false, 1, seconds), loggedShare: 1);
        return new("postgres-commit", $"PostgreSQL: one prepared INSERT of {RecordBytes} bytes a commit, over its socket", figure.Calls, figure.Latency);
    }

    private void Report(CommitResult result)
    {
        results.Save($"commit-{result.Name}", result);
        Console.WriteLine($"{result.Name,-16} {result.Latency}  ({result.Description}; {result.Count:N0} times)");
    }

    private interface IRecordWriter
    {
        void Write();
    }

    private sealed class SyncedFile(string folder) : IRecordWriter, IDisposable
    {
        private readonly FileStream file = new(Path.Combine(folder, "file"), FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
        private readonly byte[] block = new byte[4096];

        public void Write()
        {
            file.Position = 0;
            file.Write(block);
            file.Flush(flushToDisk: true);
        }

        public void Dispose() => file.Dispose();
    }

    private sealed class SqliteRecords : IRecordWriter, IDisposable
    {
        private readonly sqlite3 database;
        private readonly sqlite3_stmt insert;
        private readonly byte[] record = new byte[RecordBytes];

        public SqliteRecords(string folder)
        {
            Batteries_V2.Init();
            Check(raw.sqlite3_open(Path.Combine(folder, "bare.db"), out database));
            Check(raw.sqlite3_exec(database, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE record (id INTEGER PRIMARY KEY, body BLOB NOT NULL)"));
            Check(raw.sqlite3_prepare_v2(database, "INSERT INTO record (body) VALUES (?)", out insert));
        }

        public void Write()
        {
            Check(raw.sqlite3_bind_blob(insert, 1, record));
            Check(raw.sqlite3_step(insert));
            Check(raw.sqlite3_reset(insert));
        }

        public void Dispose()
        {
            insert.Dispose();
            database.Dispose();
        }

        private static void Check(int result)
        {
            if (result is not (raw.SQLITE_OK or raw.SQLITE_DONE))
            {
                throw new InvalidOperationException($"SQLite failed with code {result}.");
            }
        }
    }
}
