using System.Net.Sockets;

namespace Metering.PostgreSql.Tests;

/// <summary>
/// Stands between a store and its server, as a pooler or a network does: it can hold back what the store sends, and cut the store off while
/// the server goes on.
/// </summary>
internal sealed class CutProxy : IAsyncDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("metering-proxy-");
    private readonly Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly CancellationTokenSource stopping = new();
    private readonly List<Line> lines = [];
    private readonly string server;
    private readonly Task accepting;

    private CutProxy(string server)
    {
        this.server = server;
        listener.Bind(new UnixDomainSocketEndPoint(Path.Combine(folder.FullName, ".s.PGSQL.5432")));
        listener.Listen();
        accepting = AcceptAsync();
    }

    /// <summary>The folder to name as the host.</summary>
    public string Host => folder.FullName;

    /// <summary>Stands before a server whose socket is in a folder.</summary>
    public static CutProxy Before(string host) => new(Path.Combine(host, ".s.PGSQL.5432"));

    /// <summary>Holds back what the store sends on its present connections, from now on.</summary>
    public void Hold() => ForEach(line => line.Hold());

    /// <summary>Completes when something has been held back.</summary>
    public Task HeldAsync() => Task.WhenAny(Lines().Select(line => line.Held));

    /// <summary>Closes the store's ends of its present connections; the server's ends stay open.</summary>
    public void Cut() => ForEach(line => line.Cut());

    /// <summary>Closes them as a pooler does that lost its server: behind an error of its own.</summary>
    public void CutAsPooler() => ForEach(line => line.CutAsPooler());

    /// <summary>Passes on what was held back, and waits for the server's answer.</summary>
    public Task ReleaseAsync() => Task.WhenAll(Lines().Where(line => line.Held.IsCompleted).Select(line => line.ReleaseAsync()));

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        listener.Dispose();
        await accepting;
        ForEach(line => line.Dispose());
        stopping.Dispose();
        folder.Delete(recursive: true);
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await listener.AcceptAsync(stopping.Token);
                var upstream = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await upstream.ConnectAsync(new UnixDomainSocketEndPoint(server), stopping.Token);
                lock (lines)
                {
                    lines.Add(new(client, upstream));
                }
            }
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The end of the test.
        }
    }

    private Line[] Lines()
    {
        lock (lines)
        {
            return [.. lines];
        }
    }

    private void ForEach(Action<Line> act) => Array.ForEach(Lines(), line => act(line));

    private sealed class Line : IDisposable
    {
        // An ErrorResponse: severity, code and message, and not the untranslated severity that only the server adds.
        private static readonly byte[] PoolerError = [(byte)'E', 0, 0, 0, 41, .. "SERROR\0C08P01\0Mserver conn crashed?\0\0"u8];

        private readonly Socket client;
        private readonly Socket server;
        private readonly TaskCompletionSource released = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource held = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource answered = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private volatile bool holds;

        public Line(Socket client, Socket server)
        {
            (this.client, this.server) = (client, server);
            _ = SendAsync();
            _ = AnswerAsync();
        }

        public Task Held => held.Task;

        public void Hold() => holds = true;

        public void Cut() => client.Dispose();

        public void CutAsPooler()
        {
            client.Send(PoolerError);
            client.Dispose();
        }

        public Task ReleaseAsync()
        {
            released.TrySetResult();
            return answered.Task;
        }

        public void Dispose()
        {
            client.Dispose();
            server.Dispose();
            released.TrySetResult();
        }

        private async Task SendAsync()
        {
            var buffer = new byte[1 << 20];
            try
            {
                while (await client.ReceiveAsync(buffer) is > 0 and var count)
                {
                    if (holds)
                    {
                        held.TrySetResult();
                        await released.Task;
                    }

                    await SendAllAsync(server, buffer.AsMemory(0, count));
                }
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                // Cut; the server's end stays as it is.
            }
        }

        private async Task AnswerAsync()
        {
            var buffer = new byte[1 << 16];
            try
            {
                while (await server.ReceiveAsync(buffer) is > 0 and var count)
                {
                    if (released.Task.IsCompleted)
                    {
                        answered.TrySetResult();
                    }

                    await SendAllAsync(client, buffer.AsMemory(0, count));
                }

                client.Dispose();
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                // Nobody listens any more.
            }
        }

        private static async Task SendAllAsync(Socket target, ReadOnlyMemory<byte> bytes)
        {
            while (!bytes.IsEmpty)
            {
                bytes = bytes[await target.SendAsync(bytes)..];
            }
        }
    }
}
