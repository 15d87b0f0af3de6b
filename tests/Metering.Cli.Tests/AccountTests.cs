using System.Text.RegularExpressions;
using Metering.Engine;
using Metering.Gateway;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Cli.Tests;

public sealed class AccountTests : IAsyncLifetime
{
    private readonly TempFolder folder = new();

    private string Data => folder.File("data");

    public async Task InitializeAsync()
    {
        await using var services = TestData.Serve(Data);
        var (meter, directory) = (services.GetRequiredService<EmbeddedCreditMeter>(), services.GetRequiredService<IDirectoryStore>());
        _ = (await meter.OpenAccountAsync(new("c-1"), new() { Plan = "starter" })).Value;
        _ = (await meter.DeductAsync(new("c-1"), new() { Amount = Credits.Of(12.5m), Description = "Lead search: Dentists" })).Value;
        await directory.TryAddProfileAsync(new() { Account = new("c-1"), Email = "ada@example.com", FirstName = "Ada", LastName = "Lovelace", CreatedAt = DateTimeOffset.UnixEpoch });
    }

    public Task DisposeAsync()
    {
        folder.Remove();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task Show_prints_balance_profile_keys_and_transactions()
    {
        var output = (await RunAsync("show", "c-1")).IsDone().Output;
        Assert.Contains("status:       active\n", output, StringComparison.Ordinal);
        Assert.Contains("plan:         starter, level ", output, StringComparison.Ordinal);
        Assert.Contains("available:    87.5: bonus 0, monthly 87.5 of 100, permanent 0, held 0\n", output, StringComparison.Ordinal);
        Assert.Contains("used:         12.5 since ", output, StringComparison.Ordinal);
        Assert.Contains("paid through: not billed\n", output, StringComparison.Ordinal);
        Assert.Contains("profile:      ada@example.com, Ada Lovelace\n", output, StringComparison.Ordinal);
        Assert.Contains("keys:         0 active of 0\n", output, StringComparison.Ordinal);
        Assert.Contains("transactions: 2; the last:\n", output, StringComparison.Ordinal);
        Assert.Matches(@"  txn_\w{26} \S+Z DEDUCTION +-12\.5 +87\.5  Lead search: Dentists\n", output);
    }

    [Fact]
    public async Task Grants_go_to_their_bucket_and_one_reference_grants_once()
    {
        Assert.Matches(@"^txn_\w{26} BONUS 10; 97\.5 credits now\.\n$", (await RunAsync("grant", "c-1", "--amount", "10", "--reference", "ticket 7", "--expires", "2099-01-01")).IsDone().Output);
        (await RunAsync("grant", "c-1", "--amount", "10", "--reference", "ticket 7")).IsOneSentence(ExitCode.CannotRun, "was used before");
        Assert.Matches("TOP_UP 0.25; 97.75 credits now", (await RunAsync("grant", "c-1", "--amount", "0.25", "--source", "top_up", "--description", "Thanks")).IsDone().Output);
        Assert.Contains("bonus 10, monthly 87.5 of 100, permanent 0.25", (await RunAsync("show", "c-1")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Adjustments_go_both_ways_and_never_below_zero()
    {
        Assert.Matches("ADJUSTMENT -7.5; 80 credits now", (await RunAsync("adjust", "c-1", "--amount=-7.5", "--reason", "Wrong export")).IsDone().Output);
        Assert.Matches("ADJUSTMENT 1; 81 credits now", (await RunAsync("adjust", "c-1", "--amount", "1", "--reason", "Sorry")).IsDone().Output);
        (await RunAsync("adjust", "c-1", "--amount=-81.0001", "--reason", "Too much")).IsOneSentence(ExitCode.CannotRun, "credits");
        Assert.Contains("Wrong export", (await RunAsync("show", "c-1")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_is_shown_once_works_and_can_be_revoked()
    {
        var made = (await RunAsync("keys", "create", "c-1", "--name", "Reports", "--scopes", "read, admin, refund", "--expires", "2099-01-01")).IsDone();
        var key = made.Output.Trim();
        Assert.True(ApiKeys.IsWellFormed(key, [ApiKeys.DefaultPrefix]));
        var id = Regex.Match(made.Errors, "key_[0-9a-f]{24}").Value;
        await using (var directory = SqliteDirectoryStore.Open(SqliteMeteringOptions.DirectoryPath(TestData.LedgerOf(Data))))
        {
            var stored = (await directory.FindKeyAsync(ApiKeys.Hash(key)))!;
            Assert.Equal((id, "Reports", ApiKeyScopes.Read | ApiKeyScopes.Admin | ApiKeyScopes.Refund), (stored.Id, stored.Name, stored.Scopes));
        }

        var listed = (await RunAsync("keys", "list", "c-1")).IsDone().Output;
        Assert.Matches($@"^{id} {key[..12]}… +until 2099-01-01T00:00:00Z +read,admin,refund +Reports\n$", listed);
        Assert.DoesNotContain(key, listed, StringComparison.Ordinal);
        (await RunAsync("keys", "revoke", "c-1", id)).IsDone();
        Assert.Matches($"^{id} .* revoked 20", (await RunAsync("keys", "list", "c-1")).IsDone().Output);
        (await RunAsync("keys", "revoke", "c-1", key)).IsOneSentence(ExitCode.CannotRun, "has no key of that id");
        Assert.DoesNotContain(key, (await RunAsync("keys", "revoke", "c-1", key)).Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_of_a_sandbox_is_a_sandbox_key_and_no_operators()
    {
        await TestData.AddSandboxAsync(Data, new("c-1"));
        Assert.StartsWith("mtr_test_", (await RunAsync("keys", "create", "test:c-1")).IsDone().Output, StringComparison.Ordinal);
        (await RunAsync("keys", "create", "test:c-1", "--scopes", "read,admin")).IsOneSentence(ExitCode.CannotRun, "--scopes must not hold admin: test:c-1 is a sandbox");
        Assert.Single((await RunAsync("keys", "list", "test:c-1")).IsDone().Output.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task What_it_changes_stands_in_the_audit_log_and_secrets_do_not()
    {
        var key = (await RunAsync("keys", "create", "c-1")).IsDone().Output.Trim();
        (await RunAsync("grant", "c-1", "--amount", "10", "--reference", "ticket 7")).IsDone();
        (await RunAsync("grant", "c-1", "--amount", "10", "--reference", "ticket 7")).IsOneSentence(ExitCode.CannotRun, "used before");
        (await RunAsync("adjust", "c-1", "--amount=-1", "--reason", "Ada asked")).IsDone();
        await using var directory = SqliteDirectoryStore.Open(SqliteMeteringOptions.DirectoryPath(TestData.LedgerOf(Data)));
        await using var services = new ServiceCollection().AddSingleton<IDirectoryStore>(directory).AddOperatorStores().BuildServiceProvider();
        var entries = (await services.GetRequiredService<IAuditLog>().ListAsync(new())).Reverse().ToArray();
        Assert.Equal(
            [("key.create", 200), ("account.grant", 200), ("account.grant", 409), ("account.adjust", 200)],
            entries.Select(entry => (entry.Action.Action, entry.Outcome!.Status)));
        Assert.All(entries, entry =>
        {
            Assert.Equal((AccountId?)new AccountId("c-1"), entry.Action.Target);
            Assert.StartsWith("tool:", entry.Action.Actor.Value, StringComparison.Ordinal);
            Assert.DoesNotContain(key, entry.Action.Summary, StringComparison.Ordinal);
            Assert.DoesNotContain("Ada", entry.Action.Summary, StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task A_command_repeated_under_its_idempotency_key_takes_effect_once()
    {
        string[] grant = ["grant", "c-1", "--amount", "10", "--idempotency-key", "g-1"];
        Assert.Equal((await RunAsync(grant)).IsDone().Output, (await RunAsync(grant)).IsDone().Output);
        string[] adjust = ["adjust", "c-1", "--amount", "1", "--reason", "Sorry", "--idempotency-key", "a-1"];
        Assert.Equal((await RunAsync(adjust)).IsDone().Output, (await RunAsync(adjust)).IsDone().Output);
        Assert.Contains("available:    98.5:", (await RunAsync("show", "c-1")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void An_outcome_that_nobody_knows_is_no_refusal_and_says_how_to_go_on()
    {
        var unknown = ToolRefusal.Of(new(RefusalReason.OutcomeUnknown, "Nobody knows."), "Repeat.");
        Assert.Equal(("Nobody knows. Repeat.", 503, "outcome_unknown"), (unknown.Message, unknown.Status, unknown.Code));
        Assert.Equal(new ToolRefusal("No.", 409, "refused"), ToolRefusal.Of(new(RefusalReason.ReferenceUsed, "No."), "Repeat."));
    }

    [Theory]
    [InlineData("There is no account", "show", "nobody")]
    [InlineData("'ä' is no account", "show", "ä")]
    [InlineData("--amount is '1e3'", "grant", "c-1", "--amount", "1e3")]
    [InlineData("amount", "grant", "c-1", "--amount", "0")]
    [InlineData("--source is 'gift'; bonus or top_up", "grant", "c-1", "--amount", "1", "--source", "gift")]
    [InlineData("--expires is 'soon'; write a day", "grant", "c-1", "--amount", "1", "--expires", "soon")]
    [InlineData("expiresAt must be in the future", "grant", "c-1", "--amount", "1", "--expires", "2020-01-01")]
    [InlineData("'--reason' is required", "adjust", "c-1", "--amount", "1")]
    [InlineData("read, spend, admin, refund are allowed", "keys", "create", "c-1", "--scopes", "root")]
    [InlineData("--scopes is 'root'", "keys", "create", "c-1", "--scopes", "root")]
    [InlineData("--name must be", "keys", "create", "c-1", "--name", "")]
    [InlineData("--expires must lie in the future", "keys", "create", "c-1", "--expires", "2020-01-01")]
    [InlineData("see metering account keys --help", "keys", "steal", "c-1")]
    public async Task What_cannot_be_done_is_refused_in_one_sentence(string part, params string[] args) =>
        (await RunAsync(args)).IsOneSentence(ExitCode.CannotRun, part);

    [Fact]
    public async Task A_store_that_is_missing_or_held_by_a_server_is_told_of()
    {
        (await ToolRun.OfAsync("account", "show", "c-1", "--store", folder.File("none"))).IsOneSentence(ExitCode.CannotRun, "There is no ledger at");
        await using var services = TestData.Serve(Data);
        _ = services.GetRequiredService<EmbeddedCreditMeter>();
        (await RunAsync("show", "c-1")).IsOneSentence(ExitCode.CannotRun, "A running server does the same by its admin API");
    }

    private Task<ToolRun> RunAsync(params string[] args) => ToolRun.OfAsync(["account", .. args, "--store", Data]);
}
