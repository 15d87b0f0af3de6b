using System.Text;
using System.Text.Json;
using Metering.Engine;
using Metering.Gateway.Payments;
using Metering.Gateway.Payments.Sandbox;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Cli.Tests;

/// <summary><c>metering reconcile</c> on a store on which the sandbox has sold a plan and credits.</summary>
public sealed class ReconcileTests : IAsyncLifetime
{
    private readonly TempFolder folder = new();

    private string Data => folder.File("data");

    private string Settings => folder.File("appsettings.json");

    public async Task InitializeAsync()
    {
        await File.WriteAllTextAsync(Settings, JsonSerializer.Serialize(new { Metering = new { Data } }));
        await using var services = Serve();
        var sale = await services.GetRequiredService<PlanSales>().BeginAsync("ann@example.com", "growth", null, "http://localhost", CancellationToken.None);
        Assert.NotNull(await services.GetRequiredService<SandboxActions>().PressAsync(sale.Purchase!.SessionId!, "pay", CancellationToken.None));
        await DeliverAsync(services);
        var bought = await services.GetRequiredService<CreditSales>().BuyAsync(new(sale.Purchase.Account), new(100, null), null, "http://localhost", CancellationToken.None);
        Assert.Null(bought.Failure);
        await DeliverAsync(services);
    }

    public Task DisposeAsync()
    {
        folder.Remove();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task Where_nothing_differs_the_exit_code_is_0()
    {
        var run = await RunAsync();
        Assert.Equal("Accounts compared: 1; differences: 0.\n", run.IsDone().Output);
        var json = JsonElement.Parse((await RunAsync("--format", "json")).IsDone().Output);
        Assert.Equal((1, 0), (json.GetProperty("accounts").GetInt32(), json.GetProperty("differences").GetArrayLength()));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Every_difference_is_printed_and_the_exit_code_is_1_also_beside_a_running_server(bool isInUse)
    {
        var services = Serve();
        var account = await AccountAsync(services);
        var grant = new GrantRequest { Source = GrantSource.Purchase, Amount = Credits.Of(7), ExternalReference = "sandbox:pi_made_up" };
        Assert.True((await services.GetRequiredService<ICreditMeter>().GrantAsync(account, grant)).IsSuccess);
        if (!isInUse)
        {
            await services.DisposeAsync();
        }

        var table = await RunAsync();
        var json = await RunAsync("--format", "json");
        await services.DisposeAsync();
        Assert.Equal((ExitCode.Unsound, ExitCode.Unsound), (table.Code, json.Code));
        var lines = table.Output.TrimEnd().Split('\n');
        Assert.StartsWith("KIND               ACCOUNT", lines[0], StringComparison.Ordinal);
        Assert.Matches($"^grant_not_charged  {account}  pi_made_up  the ledger granted 7 credits", lines[1]);
        Assert.Equal("Accounts compared: 1; differences: 1.", lines[2]);
        var difference = Assert.Single(JsonElement.Parse(json.Output).GetProperty("differences").EnumerateArray());
        Assert.Equal(("grant_not_charged", account.Value), (difference.GetProperty("kind").GetString(), difference.GetProperty("account").GetString()));
    }

    [Fact]
    public async Task What_cannot_be_compared_is_2_and_one_sentence()
    {
        await File.WriteAllTextAsync(Settings, JsonSerializer.Serialize(new { Metering = new { Data, Payments = new { Provider = "none" } } }));
        (await RunAsync()).IsOneSentence(ExitCode.CannotRun, "Metering:Payments:Provider is none");

        // An address on which nobody listens.
        var stripe = new { ApiKey = "sk_test_1", ApiBase = "http://127.0.0.1:1", WebhookSecrets = new[] { "whsec_1" }, Retries = 0 };
        var plans = new[] { "starter", "growth", "scale", "platinum", "enterprise" }.ToDictionary(plan => plan, plan => new { StripePrice = $"price_{plan}" });
        await File.WriteAllTextAsync(Settings, JsonSerializer.Serialize(new { Metering = new { Data, Payments = new { Provider = "stripe", PublicUrl = "https://meter.example", Stripe = stripe, Plans = plans } } }));
        (await RunAsync()).IsOneSentence(ExitCode.CannotRun, "The payment provider cannot be asked");
        (await ToolRun.OfAsync("reconcile", "--settings", Settings, "--store", folder.File("nowhere"))).IsOneSentence(ExitCode.CannotRun, "There is no ledger at");
        (await RunAsync("--format", "xml")).IsOneSentence(ExitCode.CannotRun, "xml");
    }

    private Task<ToolRun> RunAsync(params string[] args) => ToolRun.OfAsync(["reconcile", "--settings", Settings, .. args]);

    private ServiceProvider Serve()
    {
        var section = new ConfigurationBuilder().AddJsonFile(Settings).Build().GetSection("Metering");
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddCreditMetering(options => options.UseSqlite(TestData.LedgerOf(Data)));
        services.AddOperatorStores();
        services.AddPayments(section);
        return services.BuildServiceProvider();
    }

    /// <summary>Hands the sandbox's events to the gateway, as its delivery does over HTTP.</summary>
    private static async Task DeliverAsync(ServiceProvider services)
    {
        var books = services.GetRequiredService<SandboxBooks>();
        foreach (var pending in await books.Events.AllAsync(CancellationToken.None).ToListAsync())
        {
            var body = Encoding.UTF8.GetBytes(pending.Value.Body);
            await services.GetRequiredService<EventInbox>().ReceiveAsync(PaymentEvent.Read(body)!, body, CancellationToken.None);
            Assert.True(await books.SaveAsync(CancellationToken.None, books.Events.Removal(pending)));
        }
    }

    private static async Task<AccountId> AccountAsync(ServiceProvider services) =>
        new((await services.GetRequiredService<PaymentBooks>().Accounts.AllAsync(CancellationToken.None).SingleAsync()).Value.Account);
}
