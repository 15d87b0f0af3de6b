namespace Metering.Benchmarks;

/// <summary>A PostgreSQL of the harness's own: a new cluster in a temporary folder, reached over a socket there, everything as shipped.</summary>
internal sealed class PostgreSqlServer : IAsyncDisposable
{
    /// <summary>What to do where it is missing.</summary>
    public const string HowToInstall = "PostgreSQL's programs (initdb, pg_ctl, postgres) were not found in PATH or /usr/lib/postgresql; on Debian: apt-get install postgresql";

    private readonly ScratchFolder folder = new("postgres");

    // pg_ctl leaves the server in a session of its own, where an interrupt at the terminal does not reach it.
    private PostgreSqlServer() => AppDomain.CurrentDomain.ProcessExit += StopAtExit;

    /// <summary>True where this machine can run one.</summary>
    public static bool IsInstalled => Find("initdb") is not null && Find("pg_ctl") is not null && Find("psql") is not null;

    /// <summary>The folder of its socket: the host name for clients.</summary>
    public string Host => folder.Path;

    /// <summary>The superuser, who needs no password.</summary>
    public static string User => "postgres";

    private string Data => Path.Combine(folder.Path, "data");

    /// <summary>Makes a cluster and starts it.</summary>
    /// <param name="connections">The most connections.</param>
    public static async Task<PostgreSqlServer> StartAsync(int connections)
    {
        var server = new PostgreSqlServer();
        try
        {
            if (Environment.IsPrivilegedProcess)
            {
                // PostgreSQL refuses to run as root.
                await OwnProcess.RunAsync("chown", ["postgres:", server.folder.Path]);
            }

            await RunAsync("initdb", ["-D", server.Data, "-U", User, "-A", "trust", "-E", "UTF8"]);
            await RunAsync("pg_ctl", ["-D", server.Data, "-w", "-l", Path.Combine(server.folder.Path, "log"),
                "-o", $"-k {server.folder.Path} -c listen_addresses= -c max_connections={connections + 10}", "start"]);
            return server;
        }
        catch
        {
            AppDomain.CurrentDomain.ProcessExit -= server.StopAtExit;
            server.folder.Dispose();
            throw;
        }
    }

    /// <summary>One of its programs; null where it is not installed.</summary>
    public static string? Find(string program) =>
        Programs.Find(program, Directory.Exists("/usr/lib/postgresql")
            ? Directory.EnumerateDirectories("/usr/lib/postgresql").OrderDescending(StringComparer.Ordinal).Select(version => Path.Combine(version, "bin"))
            : []);

    /// <summary>Runs SQL.</summary>
    public Task ExecuteAsync(string sql) => RunAsync("psql", ["-h", Host, "-U", User, "-d", "postgres", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql]);

    public async ValueTask DisposeAsync()
    {
        AppDomain.CurrentDomain.ProcessExit -= StopAtExit;
        await RunAsync("pg_ctl", ["-D", Data, "-w", "-m", "immediate", "stop"]);
        folder.Dispose();
    }

    private void StopAtExit(object? sender, EventArgs e) => DisposeAsync().AsTask().Wait();

    private static Task<string> RunAsync(string program, IReadOnlyList<string> arguments) =>
        Environment.IsPrivilegedProcess
            ? OwnProcess.RunAsync("runuser", ["-u", "postgres", "--", Find(program)!, .. arguments])
            : OwnProcess.RunAsync(Find(program)!, arguments);
}
