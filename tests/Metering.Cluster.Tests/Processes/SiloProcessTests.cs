using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Metering.Engine;
using Metering.Gateway;
using Xunit;
using Xunit.Abstractions;

namespace Metering.Cluster.Tests;

/// <summary>The silo as it is shipped, in processes of its own. METERING_SILO_FAULTS says how many silos are killed and stopped; 2 by default.</summary>
public sealed class SiloProcessTests(ITestOutputHelper output)
{
    private const int Callers = 12;
    private const string AdminKey = "an-admin-key-of-28-characters";

    private static int Faults =>
        Environment.GetEnvironmentVariable("METERING_SILO_FAULTS") is { Length: > 0 } text ? int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture) : 2;

    [PostgreSqlFact]
    public async Task Silos_killed_one_at_a_time_lose_nothing()
    {
        await using var fleet = await SiloFleet.StartAsync();
        var accounts = await ClusterLoad.OpenAccountsAsync(fleet.Client, "real", 60);
        await using var load = new ClusterLoad(_ => fleet.Client, accounts, Callers);
        var begun = Stopwatch.StartNew();
        var recoveries = new List<TimeSpan>();
        for (var fault = 0; fault < Faults; fault++)
        {
            await load.MoreAsync(500);
            await fleet.KillAsync(fault % SiloFleet.Size);
            var killed = Stopwatch.StartNew();
            await Task.WhenAll(accounts.Select(async account => Assert.True((await fleet.Client.GetBalanceAsync(account)).IsSuccess)));
            recoveries.Add(killed.Elapsed);
            await fleet.StartAsync(fault % SiloFleet.Size);
        }

        await load.StopAsync();
        Tell($"{Faults} kills in {begun.Elapsed.TotalSeconds:0} s", load);
        output.WriteLine($"Proof: silos, after a kill all accounts were served again within {recoveries.Min().TotalSeconds:0.0} to {recoveries.Max().TotalSeconds:0.0} s.");
        Assert.All(load.Refused, refusal => Assert.StartsWith(nameof(RefusalReason.OutcomeUnknown), refusal, StringComparison.Ordinal));
        await using var ledger = fleet.OpenLedger();
        await load.VerifyAsync(ledger);
    }

    [PostgreSqlFact]
    public async Task Silos_restarted_one_after_the_other_fail_no_call()
    {
        await using var fleet = await SiloFleet.StartAsync();
        var accounts = await ClusterLoad.OpenAccountsAsync(fleet.Client, "rolled", 60);
        await using var load = new ClusterLoad(_ => fleet.Client, accounts, Callers);
        var begun = Stopwatch.StartNew();
        for (var fault = 0; fault < Faults; fault++)
        {
            await load.MoreAsync(500);
            Assert.Equal(0, await fleet.StopAsync(fault % SiloFleet.Size));
            await fleet.StartAsync(fault % SiloFleet.Size);
        }

        await load.MoreAsync(500);
        await load.StopAsync();
        Tell($"{Faults} graceful restarts in {begun.Elapsed.TotalSeconds:0} s", load);
        Assert.Empty(load.Refused);
        await using var ledger = fleet.OpenLedger();
        await load.VerifyAsync(ledger);
    }

    [PostgreSqlFact]
    public async Task A_revoked_key_opens_nothing_on_any_silo_a_second_later()
    {
        await using var fleet = await SiloFleet.StartAsync();
        var account = (await ClusterLoad.OpenAccountsAsync(fleet.Client, "revoked", 1))[0];
        await using var directory = fleet.OpenDirectory();
        var key = ApiKeys.Create(account, "to be revoked", ApiKeyScopes.Read, TimeProvider.System.GetUtcNow());
        await directory.AddKeyAsync(key.Stored);
        using var client = new HttpClient();
        client.DefaultRequestHeaders.Add("X-API-Key", key.Key);
        Task<HttpStatusCode>[] AskAll() => [.. Enumerable.Range(0, SiloFleet.Size).Select(silo => AskAsync(client, fleet.UrlOf(silo)))];
        Assert.All(await Task.WhenAll(AskAll()), status => Assert.Equal(HttpStatusCode.OK, status));

        Assert.True(await directory.RevokeKeyAsync(account, key.Stored.Id, TimeProvider.System.GetUtcNow()));

        // Asked over and over, so that a silo that trusted its memory of the key for longer would say so.
        var revoked = Stopwatch.StartNew();
        for (var isOver = false; !isOver;)
        {
            isOver = revoked.Elapsed >= TimeSpan.FromSeconds(1);
            var statuses = await Task.WhenAll(AskAll());
            Assert.All(statuses, status => Assert.True(status == HttpStatusCode.Unauthorized || (!isOver && status == HttpStatusCode.OK), $"{status}"));
        }
    }

    [Fact]
    public async Task The_dashboard_opens_with_the_admin_key_alone()
    {
        await using var silo = await StartAloneAsync(("Cluster:DashboardKey", AdminKey));
        using var client = new HttpClient { BaseAddress = silo.Url };
        var refused = await client.GetAsync(new Uri("/orleans/", UriKind.Relative));
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        Assert.Equal("Basic", refused.Headers.WwwAuthenticate.Single().Scheme);
        foreach (var (login, status) in new[] { ($"ops:{AdminKey}", HttpStatusCode.OK), ($"ops:{AdminKey}x", HttpStatusCode.Unauthorized), (AdminKey, HttpStatusCode.Unauthorized) })
        {
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(login)));
            Assert.Equal(status, (await client.GetAsync(new Uri("/orleans/", UriKind.Relative))).StatusCode);
            Assert.Equal(status, (await client.GetAsync(new Uri("/ORLEANS/ClusterStats", UriKind.Relative))).StatusCode);
        }
    }

    [Fact]
    public async Task There_is_no_dashboard_without_an_admin_key()
    {
        await using var silo = await StartAloneAsync();
        using var client = new HttpClient { BaseAddress = silo.Url };
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync(new Uri("/orleans/", UriKind.Relative))).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync(new Uri("/health/ready", UriKind.Relative))).StatusCode);
    }

    [Theory]
    [InlineData("Cluster:DashboardKey", "short", "Metering:Cluster:DashboardKey has 5 characters; 16 or more are needed.")]
    [InlineData("Cluster:Clustering", "postgres", "Metering:Cluster:Clustering is postgres, but Metering:Store is not")]
    [InlineData("Cluster:Clustering", "redis", "Metering:Cluster:Clustering (Metering__Cluster__Clustering in the environment) is \"redis\"; localhost or postgres is allowed.")]
    [InlineData("Cluster:Port", "1", "Metering:Cluster:Port is not a setting; Metering:Cluster knows")]
    [InlineData("Cluster:Address", "here", "Metering:Cluster:Address (Metering__Cluster__Address in the environment) is \"here\"; an IP address is allowed.")]
    public async Task A_wrong_setting_stops_the_start_with_a_sentence(string name, string value, string sentence)
    {
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => StartAloneAsync((name, value)));
        Assert.Contains($"Metering silo cannot start: {sentence}", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", failure.Message, StringComparison.Ordinal);
    }

    private static async Task<HttpStatusCode> AskAsync(HttpClient client, Uri url)
    {
        using var answer = await client.GetAsync(new Uri(url, "/v1/credits"));
        return answer.StatusCode;
    }

    private void Tell(string faults, ClusterLoad load) => output.WriteLine(
        $"Proof: silos, {faults}: {load.Answered} calls charged, {load.Refused.Count} answered otherwise, the ledger held against all of them.");

    private static Task<SiloProcess> StartAloneAsync(params (string Name, string Value)[] settings)
    {
        using var allocator = new Orleans.TestingHost.TestClusterPortAllocator();
        var (silo, gateway) = allocator.AllocateConsecutivePortPairs(1);
        return SiloProcess.StartAsync([("Store", "memory"), ("Cluster:SiloPort", $"{silo}"), ("Cluster:GatewayPort", $"{gateway}"), .. settings]);
    }
}
