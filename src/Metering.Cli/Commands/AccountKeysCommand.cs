using System.CommandLine;
using Metering.Engine;
using Metering.Gateway;
using Metering.Gateway.Admin;

namespace Metering.Cli;

/// <summary><c>metering account keys</c>: lists, makes and revokes API keys.</summary>
internal static class AccountKeysCommand
{
    private const int MaxName = 100;

    public static Command Create(ToolTerminal terminal) => new("keys", "List, make and revoke an account's API keys.")
    {
        CreateList(terminal), CreateCreate(terminal), CreateRevoke(terminal),
    };

    private static Command CreateList(ToolTerminal terminal)
    {
        var (account, store, settings) = (AccountCommand.AccountArgument(), AccountCommand.Store(), AccountCommand.SettingsOption());
        var command = new Command("list", "Print the keys, oldest first; never the keys themselves.") { account, store, settings };
        command.SetAction((parsed, cancellationToken) => AccountCommand.RunAsync(
            terminal,
            AccountWords.Of(parsed, account, store, settings),
            async (open, id, _) =>
            {
                foreach (var key in await open.Directory.ListKeysAsync(id, cancellationToken))
                {
                    await terminal.Output.WriteLineAsync($"{key.Id} {key.Display + "…",-14} {StateOf(key, terminal.Time.GetUtcNow()),-28} {string.Join(',', key.Scopes.ToNames()),-12} {key.Name}");
                }

                return null;
            },
            cancellationToken));
        return command;
    }

    private static Command CreateCreate(ToolTerminal terminal)
    {
        var (account, store, settings) = (AccountCommand.AccountArgument(), AccountCommand.Store(), AccountCommand.SettingsOption());
        var name = new Option<string>("--name") { Description = "For people, 1 to 100 characters.", HelpName = "TEXT", DefaultValueFactory = _ => "Key" };
        var scopes = new Option<string>("--scopes") { Description = $"What it may do, separated by commas: {ApiKeyScopeNames.All}.", HelpName = "LIST", DefaultValueFactory = _ => "read,spend" };
        var expires = new Option<string?>("--expires") { Description = "When it stops working, a day or an instant (UTC); left out: never.", HelpName = "DATE" };
        var command = new Command("create", "Make a key and print it, once.") { account, store, settings, name, scopes, expires };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var (text, wanted, now) = (parsed.GetRequiredValue(name), ScopesOf(parsed.GetRequiredValue(scopes)), terminal.Time.GetUtcNow());
            var refusal = Instants.Refuse("--expires", parsed.GetValue(expires), out var expiresAt)
                ?? (expiresAt <= now ? "--expires must lie in the future." : null)
                ?? (text.Length is 0 or > MaxName || text.Any(char.IsControl) ? $"--name must be 1 to {MaxName} characters without control characters." : null)
                ?? (wanted is null ? $"--scopes is '{parsed.GetRequiredValue(scopes)}'; one or more of {ApiKeyScopeNames.All} are allowed, separated by commas." : null);
            if (refusal is not null)
            {
                return await terminal.RefuseAsync(refusal);
            }

            return await AccountCommand.RunAsync(
                terminal,
                AccountWords.Of(parsed, account, store, settings),
                async (open, id, _) =>
                {
                    var isSandbox = await open.Sandboxes.FindOwnerAsync(id, cancellationToken) is not null;
                    if (isSandbox && wanted!.Value.HasFlag(ApiKeyScopes.Admin))
                    {
                        return $"--scopes must not hold admin: {id} is a sandbox, and operators act on every account.";
                    }

                    var key = ApiKeys.Create(id, text, wanted!.Value, now, expiresAt, SandboxAccounts.PrefixOf(isSandbox));
                    return await open.Audit.TakeAsync("key.create", id, new() { ["key"] = key.Stored.Id, ["scopes"] = string.Join(',', wanted.Value.ToNames()) }, async () =>
                    {
                        await open.Directory.AddKeyAsync(key.Stored, cancellationToken);
                        await terminal.Errors.WriteLineAsync($"The key {key.Stored.Id}, shown only now:");
                        await terminal.Output.WriteLineAsync(key.Key);
                        return null;
                    });
                },
                cancellationToken);
        });
        return command;
    }

    private static Command CreateRevoke(ToolTerminal terminal)
    {
        var (account, store, settings) = (AccountCommand.AccountArgument(), AccountCommand.Store(), AccountCommand.SettingsOption());
        var key = new Argument<string>("KEY") { Description = "The key's id (\"key_…\"), from keys list." };
        var command = new Command("revoke", "Make a key stop working; servers know within a second.") { account, key, store, settings };
        command.SetAction((parsed, cancellationToken) => AccountCommand.RunAsync(
            terminal,
            AccountWords.Of(parsed, account, store, settings),
            async (open, id, _) =>
            {
                var wanted = parsed.GetRequiredValue(key);
                if (!(await open.Directory.ListKeysAsync(id, cancellationToken)).Any(stored => stored.Id == wanted))
                {
                    // Not what was written: it may be a key itself, by mistake.
                    return $"Account {id} has no key of that id; metering account keys list {id} prints them.";
                }

                return await open.Audit.TakeAsync("key.revoke", id, new() { ["key"] = wanted }, async () =>
                {
                    await open.Directory.RevokeKeyAsync(id, wanted, terminal.Time.GetUtcNow(), cancellationToken);
                    await terminal.Output.WriteLineAsync($"{wanted} is revoked.");
                    return null;
                });
            },
            cancellationToken));
        return command;
    }

    private static string StateOf(ApiKey key, DateTimeOffset now) => key.RevokedAt is { } revoked ? $"revoked {AccountView.Time(revoked)}"
        : key.ExpiresAt is not { } expires ? "active"
        : expires <= now ? $"expired {AccountView.Time(expires)}"
        : $"until {AccountView.Time(expires)}";

    private static ApiKeyScopes? ScopesOf(string text)
    {
        var scopes = ApiKeyScopes.None;
        foreach (var name in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (!ApiKeyScopeNames.TryParse(name, out var scope))
            {
                return null;
            }

            scopes |= scope;
        }

        return scopes;
    }
}
