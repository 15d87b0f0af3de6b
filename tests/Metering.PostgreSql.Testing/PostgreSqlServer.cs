using System.ComponentModel;
using System.Diagnostics;
using Npgsql;

namespace Metering.PostgreSql.Testing;

/// <summary>
/// A PostgreSQL server of the tests' own: in a folder of its own, reached through a socket in it, as a user that is not root, and gone with
/// this process however that ends. Where the programs are not installed, a server that <c>METERING_TEST_POSTGRES</c> names.
/// </summary>
public sealed class PostgreSqlServer : IAsyncDisposable
{
    private const string Variable = "METERING_TEST_POSTGRES";

    // A start after a kill is tried again while a killed process still holds the shared memory.
    // Commands come in lines and are answered with a line; the end of the input, which is also the end of this process, ends the server.
    private const string Script = """
        folder=$(mktemp -d "${TMPDIR:-/tmp}/metering-postgres-XXXXXX") && cd "$folder" || exit 1
        start() { "$1/pg_ctl" -D data -l log -w -t 60 -o "-c listen_addresses= -k '$folder' -p 5432 $2" start >/dev/null 2>&1 </dev/null; }
        finish() { "$1/pg_ctl" -D data -m immediate -w stop >/dev/null 2>&1; cd / && rm -rf "$folder"; }
        "$1/initdb" -D data -U postgres -A trust -E UTF8 --locale=C -N >log 2>&1 && start "$1" "$2" || { tr '\n' ' ' <log; echo; finish "$1"; exit 1; }
        echo "$folder"
        while read -r command; do
            case $command in
                start) for attempt in 1 2 3 4 5 6 7 8 9 10; do start "$1" "$2" && break; sleep 0.2; done; "$1/pg_ctl" -D data status >/dev/null ;;
                stop) "$1/pg_ctl" -D data -m fast -w stop >/dev/null 2>&1 ;;
                replica) "$1/pg_ctl" -D data -m fast -w stop >/dev/null 2>&1; touch data/standby.signal; start "$1" "$2" ;;
                kill)
                    all="$(head -n 1 data/postmaster.pid) $(ps -o pid= --ppid "$(head -n 1 data/postmaster.pid)")"
                    kill -KILL $all
                    while ps -o stat= -p "$(echo $all | tr ' ' ,)" | grep -q '^[^Z]'; do :; done
                    rm -f data/postmaster.pid .s.PGSQL.5432 .s.PGSQL.5432.lock ;;
            esac
            echo "$command $?"
        done
        finish "$1"
        """;

    private readonly Process? process;
    private readonly string connectionString;
    private int databases;

    private PostgreSqlServer(Process? process, string connectionString)
    {
        this.process = process;
        this.connectionString = connectionString;
    }

    /// <summary>Why no server can be had here, as a sentence; null where one can.</summary>
    public static string? WhyNot { get; } = Configured is not null || PostgreSqlBinaries.Folder is not null
        ? null
        : $"LEFT OUT: what runs on PostgreSQL, because its programs initdb, pg_ctl and postgres (15 or later) are not here. Install them (on Debian: apt-get install postgresql), or set {Variable} to the connection string of a server where databases may be made.";

    /// <summary>Why no server of the tests' own can be had here, which they may stop, kill and starve; null where one can.</summary>
    public static string? WhyNotOwn { get; } = PostgreSqlBinaries.Folder is not null
        ? null
        : "LEFT OUT: faults of PostgreSQL, because its programs initdb, pg_ctl and postgres (15 or later) are not here. Install them (on Debian: apt-get install postgresql).";

    /// <summary>Why a server cannot have a small disk of its own here; null where it can.</summary>
    public static string? WhyNoSmallDisk { get; } = TryDisk();

    private static string? Configured { get; } = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } configured ? configured : null;

    /// <summary>Starts a server, or takes the one that the environment names.</summary>
    /// <param name="settings">Settings as <c>postgres</c> takes them, for example <c>-c fsync=on</c>; by default nothing is synced.</param>
    /// <param name="smallDisk">An empty folder that becomes a disk of 48 MiB for the server alone; null for none.</param>
    /// <exception cref="InvalidOperationException">It did not start; the message has its log.</exception>
    public static async Task<PostgreSqlServer> StartAsync(string settings = "-c fsync=off", string? smallDisk = null)
    {
        if (PostgreSqlBinaries.Folder is not { } programs)
        {
            return new(null, Configured ?? throw new InvalidOperationException(WhyNot));
        }

        var process = Process.Start(Run([.. smallDisk is null ? [] : WithDisk(smallDisk), .. AsOrdinaryUser(["sh", "-c", Script, "sh", programs, settings])]))!;
        var answer = await process.StandardOutput.ReadLineAsync();
        return answer is not null && Directory.Exists(answer)
            ? new(process, $"Host={answer};Port=5432;Username=postgres;Database=postgres")
            : throw new InvalidOperationException($"PostgreSQL did not start: {answer} {await process.StandardError.ReadToEndAsync()}");
    }

    /// <summary>True where the server can be stopped and started: it is the tests' own.</summary>
    public bool IsOwn => process is not null;

    /// <summary>The connection string of a database; of the administrators' one where none is named.</summary>
    public string ConnectionString(string? database = null) =>
        database is null ? connectionString : new NpgsqlConnectionStringBuilder(connectionString) { Database = database }.ConnectionString;

    /// <summary>Makes a database and returns its name.</summary>
    /// <param name="template">The database that it begins as a copy of; null for an empty one.</param>
    public async Task<string> CreateDatabaseAsync(string? template = null)
    {
        var name = $"metering_test_{Environment.ProcessId}_{Interlocked.Increment(ref databases)}";
        await ExecuteAsync(null, $"DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        await ExecuteAsync(null, template is null ? $"CREATE DATABASE {name} TEMPLATE template0" : $"CREATE DATABASE {name} TEMPLATE {template}");
        return name;
    }

    /// <summary>Removes a database, whoever is connected to it.</summary>
    public Task DropDatabaseAsync(string name) => ExecuteAsync(null, $"DROP DATABASE IF EXISTS {name} WITH (FORCE)");

    /// <summary>Runs a statement as the administrator.</summary>
    /// <param name="database">Where; null for the administrators' database.</param>
    /// <param name="sql">The statement.</param>
    /// <returns>The first value of its result; null for none.</returns>
    public async Task<object?> ExecuteAsync(string? database, string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(ConnectionString(database)) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }

    /// <summary>Stops the server in order; its clients are cut off.</summary>
    public Task StopAsync() => TellAsync("stop");

    /// <summary>Ends the server's processes at once, as a crash would.</summary>
    public Task KillAsync() => TellAsync("kill");

    /// <summary>Starts it again on what is on disk.</summary>
    public Task StartAgainAsync() => TellAsync("start");

    /// <summary>Makes it a replica, for good: it answers reads only.</summary>
    public Task BecomeReplicaAsync() => TellAsync("replica");

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        if (process is not null)
        {
            process.StandardInput.Close();
            await process.WaitForExitAsync();
            process.Dispose();
        }
    }

    private async Task TellAsync(string command)
    {
        if (process is null)
        {
            throw new InvalidOperationException($"The server that {Variable} names is not the tests' to {command}.");
        }

        await process.StandardInput.WriteLineAsync(command);
        await process.StandardInput.FlushAsync();
        if (await process.StandardOutput.ReadLineAsync() is var answer && answer != $"{command} 0")
        {
            throw new InvalidOperationException($"PostgreSQL could not {command}: {answer}");
        }
    }

    /// <summary>PostgreSQL refuses to run as root; root starts it as the user that its package made, or as nobody.</summary>
    internal static string[] AsOrdinaryUser(string[] command) =>
        Environment.IsPrivilegedProcess ? ["runuser", "-u", HasUser("postgres") ? "postgres" : "nobody", "--", .. command] : command;

    /// <summary>A disk in memory, in a view of the file system that ends with the process that follows.</summary>
    private static string[] WithDisk(string folder) =>
        ["unshare", "--mount", "sh", "-c", "mount -t tmpfs -o size=48m,mode=1777 metering \"$1\" && shift && exec \"$@\"", "sh", folder];

    internal static ProcessStartInfo Run(string[] command) => new(command[0], command[1..])
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        WorkingDirectory = "/",
    };

    private static string? TryDisk()
    {
        const string Reason = "LEFT OUT: PostgreSQL on a full disk, because it needs a small disk of its own (unshare --mount, mount -t tmpfs). Run the tests on Linux as root.";
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess)
        {
            return Reason;
        }

        try
        {
            using var process = Process.Start(Run([.. WithDisk(Path.GetTempPath()), "true"]))!;
            process.WaitForExit();
            return process.ExitCode == 0 ? null : Reason;
        }
        catch (Win32Exception)
        {
            return Reason;
        }
    }

    private static bool HasUser(string name) =>
        File.Exists("/etc/passwd") && File.ReadLines("/etc/passwd").Any(line => line.StartsWith($"{name}:", StringComparison.Ordinal));
}
