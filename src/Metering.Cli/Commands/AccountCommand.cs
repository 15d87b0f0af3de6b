using System.CommandLine;

namespace Metering.Cli;

/// <summary><c>metering account</c>: looks at one account and changes it, by the meter on its store.</summary>
internal static class AccountCommand
{
    private const string Instead = "A running server does the same by its admin API (/admin/v1/accounts); on PostgreSQL this command runs beside servers.";

    private const string Form = "1 to 128 characters of A-Z a-z 0-9 . _ : - are allowed";

    public static Command Create(ToolTerminal terminal) => new("account", "Look at an account, grant it credits, adjust it, tend its keys.")
    {
        CreateShow(terminal), CreateGrant(terminal), CreateAdjust(terminal), AccountKeysCommand.Create(terminal),
    };

    /// <summary>The account of a command.</summary>
    public static Argument<string> AccountArgument() => new("ACCOUNT") { Description = "The account's id." };

    /// <summary>The server's settings, for its plans and products.</summary>
    public static Option<string?> SettingsOption() =>
        new("--settings") { Description = "The server's settings, for its products and plans; left out: appsettings.json in the current folder, and the environment.", HelpName = "FILE" };

    /// <summary>The store of a command.</summary>
    public static Option<string> Store() => StoreOption.Create("The account's store; a SQLite store must not be in use.");

    /// <summary>Opens the store of a command and lets it work on its account, which has to be there.</summary>
    /// <param name="terminal">Where it says why not.</param>
    /// <param name="words">The command line.</param>
    /// <param name="work">The work; returns why it was refused, or null.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public static async Task<int> RunAsync(ToolTerminal terminal, AccountWords words, Func<OpenStore, AccountId, Balance, Task<string?>> work, CancellationToken cancellationToken)
    {
        if (!AccountId.TryParse(words.Account, out var account))
        {
            return await terminal.RefuseAsync($"'{words.Account}' is no account; {Form}.");
        }

        await using var store = await OpenStore.AtAsync(StoreLocation.Parse(words.Store), ToolCatalogue.Read(words.Settings), Instead, mayMake: false, terminal.Time, cancellationToken);
        var found = await store.Meter.GetBalanceAsync(account, cancellationToken);
        var refusal = found.TryGet(out var balance, out var unknown) ? await work(store, account, balance) : unknown.Message;
        return refusal is null ? ExitCode.Done : await terminal.RefuseAsync(refusal);
    }

    private static Command CreateShow(ToolTerminal terminal)
    {
        var (account, store, settings) = (AccountArgument(), Store(), SettingsOption());
        var command = new Command("show", "Print an account's balance, profile and last transactions.") { account, store, settings };
        command.SetAction((parsed, cancellationToken) => RunAsync(terminal, AccountWords.Of(parsed, account, store, settings), (open, id, balance) => AccountView.PrintAsync(terminal, open, id, balance, cancellationToken), cancellationToken));
        return command;
    }

    private static Command CreateGrant(ToolTerminal terminal)
    {
        var (account, store, settings) = (AccountArgument(), Store(), SettingsOption());
        var amount = Amount("How many credits, above 0, at most 4 decimals.");
        var source = new Option<string>("--source") { Description = "bonus: given away, spent first. top_up: permanent.", HelpName = "SOURCE", DefaultValueFactory = _ => "bonus" };
        var expires = new Option<string?>("--expires") { Description = "When they end, a day or an instant (UTC); left out: never.", HelpName = "DATE" };
        var description = new Option<string?>("--description") { Description = "What the customer reads in the list of transactions.", HelpName = "TEXT" };
        var reference = new Option<string?>("--reference") { Description = "What this grant answers (a ticket, an invoice): unique for ever on the account, so that the same command twice grants once.", HelpName = "TEXT" };
        var key = KeyOption();
        var command = new Command("grant", "Add credits.") { account, store, settings, amount, source, expires, description, reference, key };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            if (!Credits.TryParse(parsed.GetRequiredValue(amount), out var credits))
            {
                return await terminal.RefuseAsync(NoAmount(parsed.GetRequiredValue(amount)));
            }

            if (parsed.GetRequiredValue(source) is not ("bonus" or "top_up"))
            {
                return await terminal.RefuseAsync($"--source is '{parsed.GetRequiredValue(source)}'; bonus or top_up is allowed.");
            }

            if (Instants.Refuse("--expires", parsed.GetValue(expires), out var expiresAt) is { } noDate)
            {
                return await terminal.RefuseAsync(noDate);
            }

            var used = parsed.GetValue(key) ?? NewKey();
            var grant = new GrantRequest
            {
                Source = parsed.GetRequiredValue(source) == "bonus" ? GrantSource.Bonus : GrantSource.TopUp,
                Amount = credits,
                ExpiresAt = expiresAt,
                Description = parsed.GetValue(description),
                ExternalReference = parsed.GetValue(reference),
                IdempotencyKey = used,
            };
            return await RunAsync(terminal, AccountWords.Of(parsed, account, store, settings), (open, id, _) => open.Audit.TakeAsync(
                "account.grant",
                id,
                new() { ["source"] = parsed.GetRequiredValue(source), ["amount"] = credits.ToString(), ["expiresAt"] = expiresAt is { } end ? AccountView.Time(end) : null },
                async () => await TellAsync(terminal, await open.Meter.GrantAsync(id, grant, cancellationToken), used)), cancellationToken);
        });
        return command;
    }

    private static Command CreateAdjust(ToolTerminal terminal)
    {
        var (account, store, settings) = (AccountArgument(), Store(), SettingsOption());
        var amount = Amount("Credits to add, or with a minus to take away, in the order of spending: --amount=-5.");
        var reason = new Option<string>("--reason") { Description = "Why, for people; it stands in the list of transactions.", HelpName = "TEXT", Required = true };
        var key = KeyOption();
        var command = new Command("adjust", "Correct a balance by hand.") { account, store, settings, amount, reason, key };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            if (!Credits.TryParse(parsed.GetRequiredValue(amount), out var credits))
            {
                return await terminal.RefuseAsync(NoAmount(parsed.GetRequiredValue(amount)));
            }

            var used = parsed.GetValue(key) ?? NewKey();
            var adjust = new AdjustRequest { Amount = credits, Reason = parsed.GetRequiredValue(reason), IdempotencyKey = used };
            return await RunAsync(terminal, AccountWords.Of(parsed, account, store, settings), (open, id, _) => open.Audit.TakeAsync(
                "account.adjust",
                id,
                new() { ["amount"] = credits.ToString() },
                async () => await TellAsync(terminal, await open.Meter.AdjustAsync(id, adjust, cancellationToken), used)), cancellationToken);
        });
        return command;
    }

    private static async Task<ToolRefusal?> TellAsync(ToolTerminal terminal, Outcome<Posting> outcome, string key)
    {
        if (!outcome.TryGet(out var posting, out var refusal))
        {
            return ToolRefusal.Of(refusal, $"Repeat the command with --idempotency-key {key}: it takes effect once.");
        }

        await terminal.Output.WriteLineAsync($"{posting.TransactionId} {posting.Type.ToName()} {posting.Amount}; {posting.Credits} credits now.");
        return null;
    }

    private static Option<string?> KeyOption() => new("--idempotency-key")
    {
        Description = "Makes repeating a command safe for a day: the same key and command take effect once. Left out: a new one, which is told where the outcome is not known.",
        HelpName = "TEXT",
    };

    private static string NewKey() => Guid.NewGuid().ToString("N");

    private static Option<string> Amount(string description) => new("--amount") { Description = description, HelpName = "CREDITS", Required = true };

    private static string NoAmount(string text) => $"--amount is '{text}'; a plain number with at most {Credits.Decimals} decimals is allowed.";
}

/// <summary>What every command about an account is told.</summary>
/// <param name="Account">The account as it was written.</param>
/// <param name="Store">The store as it was written.</param>
/// <param name="Settings">The server's settings; null for those of the current folder.</param>
internal sealed record AccountWords(string Account, string Store, string? Settings)
{
    public static AccountWords Of(ParseResult parsed, Argument<string> account, Option<string> store, Option<string?> settings) =>
        new(parsed.GetRequiredValue(account), parsed.GetRequiredValue(store), parsed.GetValue(settings));
}
