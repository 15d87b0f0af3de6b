using System.Diagnostics;
using System.Net.Sockets;
using Npgsql;

namespace Metering.PostgreSql.Testing;

/// <summary>
/// A transaction pooler in front of a server: PgBouncer, in a folder of its own, with few connections for many clients, so that one
/// client's statements go over another connection every time. It is gone with this process however that ends.
/// </summary>
public sealed class PgBouncer : IAsyncDisposable
{
    private const string Port = "6432";

    // The server's address comes from the client's connection string, in which the names of databases stay what they are.
    private const string Script = $$"""
        folder=$(mktemp -d "$TMPDIR/metering-pooler-XXXXXX") && cd "$folder" || exit 1
        cat >pooler.ini <<END
        [databases]
        * = host=$2 port=$3 user=$4
        [pgbouncer]
        listen_addr =
        listen_port = {{Port}}
        unix_socket_dir = $folder
        auth_type = any
        pool_mode = $5
        default_pool_size = 4
        max_client_conn = 1000
        server_login_retry = 0.1
        logfile = $folder/log
        END
        "$1" -q pooler.ini >start.log 2>&1 &
        until [ -S .s.PGSQL.{{Port}} ]; do
            kill -0 $! 2>/dev/null || { cat start.log log | tr '\n' ' '; echo; cd / && rm -rf "$folder"; exit 1; }
        done
        echo "$folder"
        read -r end
        kill -TERM $!
        wait $!
        cd / && rm -rf "$folder"
        """;

    private readonly Process process;
    private readonly string folder;

    private PgBouncer(Process process, string folder)
    {
        this.process = process;
        this.folder = folder;
    }

    /// <summary>Why there is no pooler here, as a sentence; null where there is one.</summary>
    public static string? WhyNot { get; } = PostgreSqlServer.WhyNotOwn ?? (Program is not null
        ? null
        : "LEFT OUT: PostgreSQL behind a transaction pooler, because pgbouncer is not here. Install it (on Debian: apt-get install pgbouncer).");

    private static string? Program => (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(':').Append("/usr/sbin")
        .Where(place => place.Length > 0).Select(place => Path.Combine(place, "pgbouncer")).FirstOrDefault(File.Exists);

    /// <summary>Starts a pooler in front of a server.</summary>
    /// <param name="server">The server.</param>
    /// <param name="mode">For how long a client has a connection: transaction, session or statement.</param>
    /// <exception cref="InvalidOperationException">It did not start; the message has what it said.</exception>
    public static async Task<PgBouncer> StartAsync(PostgreSqlServer server, string mode = "transaction")
    {
        var behind = new NpgsqlConnectionStringBuilder(server.ConnectionString());
        var start = PostgreSqlServer.Run(PostgreSqlServer.AsOrdinaryUser(["sh", "-c", $"TMPDIR=${{TMPDIR:-/tmp}}\n{Script}", "sh", Program!, behind.Host!, $"{behind.Port}", behind.Username!, mode]));
        var process = Process.Start(start)!;
        var answer = await process.StandardOutput.ReadLineAsync();
        if (answer is null || !Directory.Exists(answer))
        {
            throw new InvalidOperationException($"PgBouncer did not start: {answer} {await process.StandardError.ReadToEndAsync()}");
        }

        // Its socket has a name a moment before anybody listens there.
        while (!process.HasExited && !await ListensAsync(Path.Combine(answer, $".s.PGSQL.{Port}")))
        {
        }

        return new(process, answer);
    }

    /// <summary>A connection string, with the pooler in place of the server.</summary>
    public string Before(string connectionString) =>
        new NpgsqlConnectionStringBuilder(connectionString) { Host = folder, Port = int.Parse(Port, null) }.ConnectionString;

    private static async Task<bool> ListensAsync(string path)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        process.StandardInput.Close();
        await process.WaitForExitAsync();
        process.Dispose();
    }
}
