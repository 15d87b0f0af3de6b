using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace Metering.Benchmarks;

/// <summary>A Redis of the harness's own: a new one in a temporary folder, reached over a socket there, synced before every answer.</summary>
internal sealed class RedisServer : IAsyncDisposable
{
    private readonly ScratchFolder folder;
    private readonly Process process;

    private RedisServer(ScratchFolder folder, Process process) => (this.folder, this.process) = (folder, process);

    public static bool IsInstalled => Programs.Find("redis-server") is not null;

    private string Socket => Path.Combine(folder.Path, "redis.sock");

    /// <summary>Starts it and waits until it answers.</summary>
    public static async Task<RedisServer> StartAsync()
    {
        var folder = new ScratchFolder("redis");
        var socket = Path.Combine(folder.Path, "redis.sock");
        var start = new ProcessStartInfo(
            Programs.Find("redis-server")!,
            ["--port", "0", "--unixsocket", socket, "--dir", folder.Path, "--appendonly", "yes", "--appendfsync", "always", "--save", ""])
        {
            RedirectStandardOutput = true,
        };
        var process = Process.Start(start)!;
        var server = new RedisServer(folder, process);
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.Contains("ready to accept connections", StringComparison.OrdinalIgnoreCase))
            {
                _ = process.StandardOutput.ReadToEndAsync(); // A full pipe would stop the server.
                return server;
            }
        }

        await server.DisposeAsync();
        throw new ArgumentException("redis-server ended before it accepted connections; start it by hand to see why.");
    }

    public async Task<RedisConnection> ConnectAsync()
    {
        var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await client.ConnectAsync(new UnixDomainSocketEndPoint(Socket));
        return new(client);
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
        {
            process.Kill();
            await process.WaitForExitAsync();
        }

        process.Dispose();
        folder.Dispose();
    }
}

/// <summary>Redis' protocol, as much as a benchmark needs: commands out, answers of one line back. Serves one caller.</summary>
internal sealed class RedisConnection(Socket socket) : IDisposable
{
    private readonly byte[] buffer = new byte[64 * 1024];
    private int filled;
    private ReadOnlyMemory<byte> last;

    /// <summary>A command's bytes.</summary>
    public static byte[] Command(params IReadOnlyList<string> parts) =>
        Encoding.UTF8.GetBytes($"*{parts.Count}\r\n{string.Concat(parts.Select(part => $"${Encoding.UTF8.GetByteCount(part)}\r\n{part}\r\n"))}");

    /// <summary>Sends a command whose answer is a line, or a text that is one, and gives that.</summary>
    public async Task<string> ExecuteAsync(params IReadOnlyList<string> parts)
    {
        await SendAsync(Command(parts));
        await ReadAsync(parts is ["SCRIPT", ..] ? 2 : 1, _ => { });
        return Encoding.UTF8.GetString(last.Span);
    }

    public async ValueTask SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await socket.SendAsync(bytes)..];
        }
    }

    /// <summary>Reads answers of one line each.</summary>
    /// <param name="count">How many.</param>
    /// <param name="arrived">Told how many came with each read.</param>
    /// <exception cref="InvalidOperationException">An answer is an error or a refusal.</exception>
    public async ValueTask ReadAsync(int count, Action<int> arrived)
    {
        while (count > 0)
        {
            var read = await socket.ReceiveAsync(buffer.AsMemory(filled));
            if (read == 0)
            {
                throw new InvalidOperationException("Redis closed the connection.");
            }

            filled += read;
            var lines = TakeLines();
            count -= lines;
            if (lines > 0)
            {
                arrived(lines);
            }
        }
    }

    public void Dispose() => socket.Dispose();

    private int TakeLines()
    {
        var (lines, start) = (0, 0);
        for (int length; (length = buffer.AsSpan(start, filled - start).IndexOf((byte)'\n')) >= 0; start += length + 1)
        {
            var line = buffer.AsSpan(start, length);
            if (line[0] == '-' || line.StartsWith(":-"u8))
            {
                throw new InvalidOperationException($"Redis refused: {Encoding.UTF8.GetString(line).Trim()}");
            }

            lines++;
            last = buffer.AsMemory(start, length).TrimEnd((byte)'\r');
        }

        buffer.AsSpan(start, filled - start).CopyTo(buffer);
        filled -= start;
        return lines;
    }
}
