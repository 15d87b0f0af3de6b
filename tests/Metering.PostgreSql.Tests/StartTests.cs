using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Metering.Conformance;
using Metering.Engine;
using Metering.PostgreSql.Testing;
using Npgsql;
using Xunit;

namespace Metering.PostgreSql.Tests;

/// <summary>What can be wrong with a connection string or a database at a start: each ends in one sentence that says what mends it.</summary>
public sealed class StartTests : IAsyncLifetime
{
    private const string Secret = "hunter2secret";

    private Database database = null!;

    public async Task InitializeAsync() => database = await Databases.CreateEmptyAsync();

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task The_schema_is_made_and_stays()
    {
        var ledger = new LedgerWriting("a");
        await using (var store = database.OpenLedger())
        {
            await store.AppendAsync([ledger.Next()]);
        }

        await using var again = database.OpenLedger(new() { MigrateAtStart = false });
        Assert.Equal(ledger.Head, (await again.ReadHeadAsync(ledger.Account)).Head);
        Assert.Equal(8L, await database.ExecuteAsync("SELECT count(*) FROM pg_inherits WHERE inhparent = 'metering.pages'::regclass"));
    }

    [Fact]
    public async Task Ledger_and_directory_share_the_database()
    {
        var options = new CreditMeteringOptions().UsePostgreSql(database.ConnectionString);
        await using var ledger = options.LedgerStoreFactory!(null!);
        await using var directory = options.DirectoryStoreFactory!(null!);
        Assert.True(await directory.IsEmptyAsync());
        Assert.True(await ledger.IsHealthyAsync());
    }

    [Theory]
    [InlineData("Hots=localhost;Password=" + Secret, "has a part that is no setting")]
    [InlineData("Host=localhost;Port=many;Password=" + Secret, "has a part that is no setting")]
    [InlineData("Host=localhost;" + Secret, "has a part that is no setting")]
    [InlineData("Username=metering;Password=" + Secret, "names no Host")]
    [InlineData("Host=127.0.0.1;Port=1;Username=metering;Password=" + Secret, "PostgreSQL at 127.0.0.1:1 does not answer")]
    [InlineData("Host=/no-such-folder;Username=metering;Password=" + Secret, "does not answer")]
    [InlineData("Host=no-such-host.invalid;Username=metering;Password=" + Secret, "does not answer")]
    public void A_connection_string_that_leads_nowhere_is_one_sentence_without_the_password(string connectionString, string says) => Refused(connectionString, says);

    [Fact]
    public void No_database_names_the_command_that_makes_it() =>
        Refused(With(settings => settings.Database = "nowhere"), "There is no database \"nowhere\"", "createdb -h", "nowhere.");

    [Fact]
    public void An_unknown_user_is_named() => Refused(With(settings => settings.Username = "stranger"), "User \"stranger\"");

    [Fact]
    public async Task No_rights_to_make_the_schema_names_the_command_of_the_owner()
    {
        await RoleAsync();
        Refused(With(settings => settings.Username = "guest"), "has no schema metering", "run metering migrate as the database's owner", "GRANT CREATE");
        Assert.Equal(0L, await database.ExecuteAsync("SELECT count(*) FROM pg_namespace WHERE nspname = 'metering'"));
    }

    [Fact]
    public async Task No_rights_in_the_schema_names_the_grant_and_the_grants_suffice()
    {
        await RoleAsync();
        await database.OpenLedger().DisposeAsync();
        var guest = With(settings => settings.Username = "guest");
        Refused(guest, "User \"guest\" has no rights", "schema metering");
        await database.ExecuteAsync("GRANT USAGE ON SCHEMA metering TO guest; GRANT SELECT ON ALL TABLES IN SCHEMA metering TO guest");
        Refused(guest, "may not write", "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA metering TO guest");

        await database.ExecuteAsync("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA metering TO guest");
        await using var store = PostgreSqlLedgerStore.Open(guest);
        var ledger = new LedgerWriting("a");
        await store.AppendAsync([ledger.Next()]);
        await store.SaveSnapshotAsync(ledger.Account, new(ledger.Head, 1, new byte[] { 1 }));
        Assert.Equal(1, await store.FindKeyAsync(ledger.Account, ledger.Rows[0].Key!.Value));
        Assert.Single(await store.ReadTransactionsAsync(ledger.Account, long.MaxValue, 10));
    }

    [Fact]
    public async Task A_newer_schema_is_refused()
    {
        await database.OpenLedger().DisposeAsync();
        await database.ExecuteAsync("INSERT INTO metering.schema_version (version) VALUES (99)");
        Refused(database.ConnectionString, $"was made by a newer version (schema 99; this build knows {PostgreSqlSchema.Ledger.Version}). Start the newer version.");
    }

    [Fact]
    public void A_missing_schema_that_the_start_must_not_make_names_the_command() =>
        Refused(() => database.OpenLedger(new() { MigrateAtStart = false }), "has no schema metering", "run metering migrate");

    [Fact]
    public async Task A_database_that_is_set_to_read_only_is_refused()
    {
        await database.ExecuteAsync($"ALTER DATABASE {database.Name} SET default_transaction_read_only = on");
        Refused(database.ConnectionString, "is set to read-only", "ALTER DATABASE");
    }

    [Fact]
    public async Task A_replica_is_refused()
    {
        await using var server = await PostgreSqlServer.StartAsync();
        if (server.IsOwn)
        {
            await server.BecomeReplicaAsync();
            Refused(server.ConnectionString(), "is a read-only replica; name the primary server");
        }
    }

    [Fact]
    public async Task An_old_server_is_refused()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var serving = PretendAsync(listener, "14.11");
        Refused(
            $"Host=127.0.0.1;Port={((IPEndPoint)listener.LocalEndpoint).Port};Username=metering;SSL Mode=Disable;GSS Encryption Mode=Disable;Server Compatibility Mode=NoTypeLoading",
            "runs on PostgreSQL 14.11; 15 or later is needed");
        await serving;
    }

    [Theory]
    [InlineData(0, 5, 16, "CommandTimeoutSeconds is 0; 1 to 300 are allowed.")]
    [InlineData(15, 301, 16, "ConnectTimeoutSeconds is 301; 1 to 300 are allowed.")]
    [InlineData(15, 5, 0, "MaxReaders is 0; 1 to 1000 are allowed.")]
    public void Options_out_of_range_are_refused(int command, int connect, int readers, string says) => Refused(
        () => database.OpenLedger(new() { CommandTimeoutSeconds = command, ConnectTimeoutSeconds = connect, MaxReaders = readers }), says);

    private static void Refused(string connectionString, params string[] says) => Refused(() => PostgreSqlLedgerStore.Open(connectionString), says);

    private static void Refused(Func<PostgreSqlLedgerStore> open, params string[] says)
    {
        var refused = Assert.Throws<MeteringStartupException>(open);
        Assert.All(says, part => Assert.Contains(part, refused.Message, StringComparison.Ordinal));
        Assert.DoesNotContain(Secret, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
        Assert.EndsWith(".", refused.Message, StringComparison.Ordinal);
    }

    private string With(Action<NpgsqlConnectionStringBuilder> change)
    {
        var settings = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        change(settings);
        return settings.ConnectionString;
    }

    private async Task RoleAsync() => await database.ExecuteAsync(
        """
        DO $$ BEGIN CREATE ROLE guest LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$
        """);

    /// <summary>Answers one client as a server of a version does at the beginning.</summary>
    private static async Task PretendAsync(TcpListener listener, string version)
    {
        using var client = await listener.AcceptTcpClientAsync();
        var stream = client.GetStream();
        var length = new byte[4];
        await stream.ReadExactlyAsync(length);
        await stream.ReadExactlyAsync(new byte[BinaryPrimitives.ReadInt32BigEndian(length) - 4]);
        var answer = new List<byte>();
        void Add(char type, params byte[] body) => answer.AddRange([(byte)type, 0, 0, 0, (byte)(body.Length + 4), .. body]);
        Add('R', 0, 0, 0, 0);
        foreach (var (name, value) in new[] { ("server_version", version), ("client_encoding", "UTF8"), ("standard_conforming_strings", "on"), ("integer_datetimes", "on") })
        {
            Add('S', Encoding.ASCII.GetBytes($"{name}\0{value}\0"));
        }

        Add('K', 0, 0, 0, 1, 0, 0, 0, 1);
        Add('Z', (byte)'I');
        await stream.WriteAsync(answer.ToArray());
        while (await stream.ReadAsync(length) > 0)
        {
        }
    }
}
