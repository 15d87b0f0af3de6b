using System.Diagnostics;

namespace Metering.Benchmarks;

/// <summary>
/// Redis with a Lua script that checks the balance, takes from it and appends to the account's stream; every write synced before its
/// answer. Callers are slots of pipelines over at most 64 connections.
/// </summary>
/// <param name="withKeys">True where the script first looks an idempotency key up and keeps it for a day.</param>
internal sealed class RedisPeer(bool withKeys) : ILoadSystem
{
    private const int MaxConnections = 64;

    private const string Charge = """
        local balance = tonumber(redis.call('GET', KEYS[1]))
        if balance < 12 then return -1 end
        redis.call('DECRBY', KEYS[1], 12)
        redis.call('XADD', KEYS[2], '*', 'amount', '-12', 'balance', balance - 12, 'product', 'lead.search', 'description', ARGV[1])
        """;

    private RedisServer? server;

    public string Name => withKeys ? "redis-keys" : "redis";

    public string Description =>
        $"Redis, appendonly yes, appendfsync always: a Lua script by its hash ({(withKeys ? "look the idempotency key up and keep it a day, " : string.Empty)}check, decrement, append to a stream), pipelined";

    public string? Missing => RedisServer.IsInstalled ? null : "redis-server was not found in PATH; on Debian: apt-get install redis-server";

    public int MaxCallers => 65_536;

    private string Script => withKeys
        ? $"""
            if redis.call('GET', KEYS[3]) then return 0 end
            {Charge}
            redis.call('SET', KEYS[3], balance - 12, 'EX', 86400)
            return balance - 12
            """
        : $"""
            {Charge}
            return balance - 12
            """;

    public async Task<LoadFigure> MeasureAsync(LoadShape shape)
    {
        server ??= await RedisServer.StartAsync();
        string script;
        using (var connection = await server.ConnectAsync())
        {
            await connection.ExecuteAsync("FLUSHALL");
            script = await connection.ExecuteAsync("SCRIPT", "LOAD", Script);
            await connection.SendAsync(Enumerable.Range(0, shape.Accounts).SelectMany(account => RedisConnection.Command("SET", $"b:{account:D7}", "1000000000000")).ToArray());
            await connection.ReadAsync(shape.Accounts, _ => { });
        }

        var connections = Math.Min(MaxConnections, shape.Callers);
        var pipeline = shape.Callers / connections;
        var loop = new ClosedLoop($"{Name}, {shape}", shape, () => null);
        var (calls, seconds, latency) = await loop.RunAsync(connections, caller => CallAsync(loop, shape, caller, new(script, pipeline, withKeys)));
        return new(calls, seconds, 0, 0, latency, $"{connections} clients, {pipeline} in a pipeline");
    }

    public async ValueTask DisposeAsync()
    {
        if (server is not null)
        {
            await server.DisposeAsync();
        }
    }

    private async Task CallAsync(ClosedLoop loop, LoadShape shape, int caller, RedisBatch batch)
    {
        using var connection = await server!.ConnectAsync();
        var random = new Random(caller);
        for (var call = 0L; !loop.IsOver; call += batch.Calls)
        {
            for (var index = 0; index < batch.Calls; index++)
            {
                batch.Set(index, random.Next(shape.Accounts), (caller * 1_000_000_000L) + call + index);
            }

            var latencies = loop.Latencies;
            var started = Stopwatch.GetTimestamp();
            await connection.SendAsync(batch.Bytes);
            await connection.ReadAsync(batch.Calls, answers => latencies.Add(Stopwatch.GetElapsedTime(started), answers));
        }
    }
}

/// <summary>The bytes of a pipeline of calls, in which only digits change from batch to batch.</summary>
internal sealed class RedisBatch
{
    private const int AccountDigits = 7;
    private const int KeyDigits = 16;

    private readonly byte[] bytes;
    private readonly int length;
    private readonly int[] accountPlaces;
    private readonly int keyPlace;

    public RedisBatch(string hash, int calls, bool withKeys)
    {
        string[] keys = withKeys ? [$"b:{new string('#', AccountDigits)}", $"s:{new string('#', AccountDigits)}", $"k:{new string('@', KeyDigits)}"] : [$"b:{new string('#', AccountDigits)}", $"s:{new string('#', AccountDigits)}"];
        var call = RedisConnection.Command(["EVALSHA", hash, $"{keys.Length}", .. keys, "Lead search: Restaurants in US (97 results)"]);
        length = call.Length;
        var balance = call.AsSpan().IndexOf((byte)'#');
        var stream = balance + AccountDigits + call.AsSpan(balance + AccountDigits).IndexOf((byte)'#');
        (accountPlaces, keyPlace) = ([balance, stream], call.AsSpan().IndexOf((byte)'@'));
        bytes = [.. Enumerable.Repeat(call, calls).SelectMany(one => one)];
    }

    public int Calls => bytes.Length / length;

    public ReadOnlyMemory<byte> Bytes => bytes;

    /// <summary>Sets a call's account and idempotency key.</summary>
    public void Set(int call, int account, long key)
    {
        foreach (var place in accountPlaces)
        {
            Write(bytes.AsSpan((call * length) + place, AccountDigits), account);
        }

        if (keyPlace >= 0)
        {
            Write(bytes.AsSpan((call * length) + keyPlace, KeyDigits), key);
        }
    }

    private static void Write(Span<byte> digits, long number)
    {
        for (var index = digits.Length - 1; index >= 0; index--)
        {
            digits[index] = (byte)('0' + (number % 10));
            number /= 10;
        }
    }
}
