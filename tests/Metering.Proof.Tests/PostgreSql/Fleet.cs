using Metering.Engine;
using Metering.PostgreSql.Testing;
using Xunit;

namespace Metering.Proof.Tests;

/// <summary>Server processes on one new database of accounts, in a PostgreSQL that syncs every commit.</summary>
internal sealed class Fleet : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    // One for all tests, gone with this process.
    private static readonly Lazy<Task<PostgreSqlServer>> Shared = new(() => PostgreSqlServer.StartAsync("-c fsync=on -c max_connections=200"));

    private static readonly Lazy<Task<PgBouncer>> SharedPooler = new(async () => await PgBouncer.StartAsync(await Shared.Value));

    private readonly ServerProcess[] servers;
    private readonly Caller[] callers;
    private readonly List<IDisposable> ended = [];

    private Fleet(PostgreSqlServer postgres, string database, IReadOnlyList<string> keys, int servers)
    {
        (Postgres, Database, Keys) = (postgres, database, keys);
        this.servers = new ServerProcess[servers];
        callers = new Caller[servers];
    }

    public PostgreSqlServer Postgres { get; }

    public string Database { get; }

    public string Connection => Postgres.ConnectionString(Database);

    /// <summary>What the servers connect to: PostgreSQL, or a pooler before it.</summary>
    public string ServersConnection { get; private init; } = null!;

    /// <summary>The accounts' API keys.</summary>
    public IReadOnlyList<string> Keys { get; }

    /// <summary>How many servers it has.</summary>
    public int Count => servers.Length;

    /// <summary>Starts two servers on a new database.</summary>
    /// <param name="accounts">How many accounts.</param>
    /// <param name="credits">Bonus credits of each.</param>
    /// <param name="environment">Variables of the second server; null for none.</param>
    public static async Task<Fleet> StartAsync(int accounts = DataFolder.Accounts, long credits = ProofAccounts.Plenty, IReadOnlyDictionary<string, string>? environment = null)
    {
        var postgres = await Shared.Value;
        return await StartAsync(postgres, await postgres.CreateDatabaseAsync(), accounts, credits, [null, environment]);
    }

    /// <summary>Starts two servers on a new database behind a pooler.</summary>
    public static async Task<Fleet> StartBehindPoolerAsync()
    {
        var postgres = await Shared.Value;
        return await StartAsync(postgres, await postgres.CreateDatabaseAsync(), DataFolder.Accounts, ProofAccounts.Plenty, [null, null], await SharedPooler.Value);
    }

    /// <summary>Starts servers on an empty database.</summary>
    /// <param name="postgres">Where the database is.</param>
    /// <param name="database">Its name.</param>
    /// <param name="accounts">How many accounts.</param>
    /// <param name="credits">Bonus credits of each.</param>
    /// <param name="environments">The variables of each server; null for none.</param>
    /// <param name="pooler">Stands between them and the database; null for nothing.</param>
    public static async Task<Fleet> StartAsync(
        PostgreSqlServer postgres, string database, int accounts, long credits, IReadOnlyList<IReadOnlyDictionary<string, string>?> environments, PgBouncer? pooler = null)
    {
        // Without a pool in this process: its connections would outlive the server that a test kills.
        var keys = await ProofAccounts.OpenAsync(options => options.UsePostgreSql($"{postgres.ConnectionString(database)};Pooling=false"), accounts, credits);
        var connection = postgres.ConnectionString(database);
        var fleet = new Fleet(postgres, database, keys, environments.Count) { ServersConnection = pooler?.Before(connection) ?? connection };
        for (var index = 0; index < environments.Count; index++)
        {
            await fleet.StartServerAsync(index, environments[index]);
        }

        return fleet;
    }

    /// <summary>Whoever calls a server now; after a kill it is another.</summary>
    public Caller Caller(int server) => Volatile.Read(ref callers[server]);

    public ServerProcess Server(int server) => servers[server];

    /// <summary>Kills a server and starts another in its place.</summary>
    public async Task ReplaceServerAsync(int server)
    {
        await servers[server].KillAsync();
        ended.AddRange([servers[server], callers[server]]);
        await StartServerAsync(server, null);
    }

    /// <summary>Waits until every server reads every account from the ledger, as it does by itself when a fault is over.</summary>
    public async Task WaitUntilServingAsync()
    {
        var started = TimeProvider.System.GetTimestamp();
        foreach (var (server, account) in Enumerable.Range(0, Count).SelectMany(server => Enumerable.Range(0, Keys.Count).Select(account => (server, account))))
        {
            while (!await Caller(server).ServesAsync(account))
            {
                Assert.False(servers[server].HasExited, servers[server].Errors + servers[server].Output);
                Assert.True(TimeProvider.System.GetElapsedTime(started) < Patience, $"Server {server} does not serve: {servers[server].Errors}{servers[server].Output}");
                await Task.Delay(Pause, TimeProvider.System);
            }
        }
    }

    /// <summary>Sends an operation again, as a patient client does, until it is decided.</summary>
    public static async Task<Reply> SendUntilDecidedAsync(Caller caller, Operation operation)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var reply = await caller.SendAsync(operation);
            if (reply.Status is not (null or 503))
            {
                return reply;
            }

            Assert.True(TimeProvider.System.GetElapsedTime(started) < Patience, $"{operation.Key} is not decided: {reply}");
            await Task.Delay(Pause, TimeProvider.System);
        }
    }

    /// <summary>Checks every chain in the database.</summary>
    public async Task<VerificationReport> VerifyAsync()
    {
        await using var store = PostgreSqlLedgerStore.Open(Connection, new() { MigrateAtStart = false });
        return await LedgerVerifier.VerifyAsync(store);
    }

    /// <summary>Ends the servers. The database goes with its PostgreSQL, which a fault may have left unable to drop it.</summary>
    public void Dispose()
    {
        foreach (var one in ended.Concat(servers).Concat(callers))
        {
            one?.Dispose();
        }
    }

    private async Task StartServerAsync(int index, IReadOnlyDictionary<string, string>? environment)
    {
        servers[index] = await ServerProcess.StartOnPostgreSqlAsync(ServersConnection, environment);
        Assert.False(servers[index].HasExited, servers[index].Errors);
        Volatile.Write(ref callers[index], new(servers[index], Keys));
    }
}
