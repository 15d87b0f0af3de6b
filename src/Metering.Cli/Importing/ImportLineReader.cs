using System.Buffers;
using System.Text.Json;
using Metering.Core;
using Metering.Engine;
using Metering.Gateway;
using Metering.Gateway.Admin;

namespace Metering.Cli;

/// <summary>Reads lines of an import: strictly, because a mistyped field must not become a balance.</summary>
/// <param name="makesKeys">True where fresh keys can be told to somebody.</param>
internal sealed class ImportLineReader(bool makesKeys)
{
    private const int MaxName = 100;
    private const int MaxEmail = 254;
    private const int MaxProfileText = 200;
    private const int MaxDisplay = 12;
    private const int HashDigits = 64;
    private const int MaxPlan = 64;

    private const string Kinds = "account, balance, records or key";

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 8 };

    /// <summary>Reads a line.</summary>
    /// <param name="number">Its number, from 1.</param>
    /// <param name="text">Its bytes, UTF-8, without the line's end.</param>
    /// <returns>The line, or why it is none.</returns>
    public (ImportLine? Line, RejectedLine? Rejected) Read(long number, ReadOnlySequence<byte> text)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(text, Strict);
        }
        catch (JsonException error)
        {
            // Positions within the line are the parser's; its line number is not the file's.
            return (null, new(number, null, null, $"The line is no JSON object with each field once: {error.Message.Split(" LineNumber:")[0]}"));
        }

        using (document)
        {
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                return (null, new(number, null, null, "The line is JSON, but no object."));
            }

            var fields = new ImportFields(document.RootElement);
            var line = Read(number, fields, out var id);
            fields.RefuseOthers();
            return fields.Fault is { } fault ? (null, new(number, id.Length == 0 ? null : id, fault.Field, fault.Reason)) : (line, null);
        }
    }

    private ImportLine? Read(long number, ImportFields fields, out string id)
    {
        id = fields.Required("id", CommandRules.MaxId);
        var kind = fields.Required("kind", MaxPlan);
        var named = fields.Required("account", AccountId.MaxLength);
        if (!AccountId.TryParse(named, out var account))
        {
            fields.Refuse("account", $"account must be 1 to {AccountId.MaxLength} characters of A-Z a-z 0-9 . _ : -");
        }

        switch (kind)
        {
            case "account":
                return ReadAccount(number, id, account, fields);
            case "balance":
                return ReadBalance(number, id, account, fields);
            case "records":
                return ReadRecords(number, id, account, fields);
            case "key":
                return ReadKey(number, id, account, fields);
            default:
                fields.Refuse("kind", $"kind is \"{kind}\"; {Kinds} is allowed.");
                return null;
        }
    }

    private static AccountLine ReadAccount(long number, string id, AccountId account, ImportFields fields)
    {
        if (account.Value?.StartsWith(SandboxAccounts.IdPrefix, StringComparison.Ordinal) ?? false)
        {
            fields.Refuse("account", $"account begins with {SandboxAccounts.IdPrefix}, which names sandboxes; choose another id.");
        }

        return new(number, id, account)
        {
            Plan = fields.Required("plan", MaxPlan),
            Anchor = fields.Instant("anchor"),
            PaidThrough = fields.Instant("paidThrough"),
            MonthlyCredits = fields.Credits("monthlyCredits", mayBeZero: true),
            Profile = ReadProfile(account, fields),
        };
    }

    private static AccountProfile? ReadProfile(AccountId account, ImportFields fields)
    {
        var email = fields.Optional("email", MaxEmail);
        var names = ((string[])["firstName", "lastName", "companyName", "companyWebsite"]).Select(name => fields.Optional(name, MaxProfileText)).ToArray();
        var createdAt = fields.Instant("createdAt");
        if (email is null)
        {
            if (createdAt is not null || names.Any(name => name is not null))
            {
                fields.Refuse("email", "email is missing; a profile needs one.");
            }

            return null;
        }

        if (email.IndexOf('@', StringComparison.Ordinal) is var at && (at < 1 || at == email.Length - 1 || email.Contains(' ', StringComparison.Ordinal)))
        {
            fields.Refuse("email", "email must be an e-mail address.");
        }

        if (names[^1] is { Length: > 0 } website && !WebAddress.Is(website))
        {
            fields.Refuse("companyWebsite", $"companyWebsite must be {WebAddress.Rule(MaxProfileText)}.");
        }

        return new()
        {
            Account = account,
            Email = email,
            FirstName = names[0],
            LastName = names[1],
            CompanyName = names[2],
            CompanyWebsite = names[3],
            CreatedAt = createdAt ?? DateTimeOffset.UnixEpoch,
        };
    }

    private static BalanceLine ReadBalance(long number, string id, AccountId account, ImportFields fields)
    {
        var bucket = fields.Required("bucket", MaxPlan);
        if (bucket is not ("bonus" or "permanent"))
        {
            fields.Refuse("bucket", $"bucket is \"{bucket}\"; bonus or permanent is allowed. What is left of the month is monthlyCredits of the account's own line.");
        }

        var amount = fields.Credits("amount", mayBeZero: false);
        if (amount is null)
        {
            fields.Refuse("amount", "amount is missing.");
        }

        return new(number, id, account)
        {
            Source = bucket == "bonus" ? GrantSource.Bonus : GrantSource.TopUp,
            Amount = amount ?? default,
            ExpiresAt = fields.Instant("expiresAt"),
            Description = fields.Optional("description", CommandRules.MaxDescription),
        };
    }

    private static RecordsLine ReadRecords(long number, string id, AccountId account, ImportFields fields)
    {
        var records = fields.Objects("records", ReadRecord);
        if (records is not { Count: > 0 and <= StartRecordsRequest.MaxRecords })
        {
            fields.Refuse("records", $"records has {records?.Count ?? 0} items; 1 to {StartRecordsRequest.MaxRecords} are allowed.");
        }

        return new(number, id, account) { Records = records ?? [] };
    }

    private static GivenRecord ReadRecord(ImportFields fields)
    {
        var (type, id, expiresAt) = (fields.Required("type", CommandRules.MaxProduct), fields.Required("id", CommandRules.MaxId), fields.Instant("expiresAt"));
        if (expiresAt is null)
        {
            fields.Refuse("expiresAt", "expiresAt is missing.");
        }

        return new(type, id, expiresAt ?? default);
    }

    private KeyLine ReadKey(long number, string id, AccountId account, ImportFields fields)
    {
        var (hash, display) = (fields.Optional("hash", HashDigits), fields.Optional("display", MaxDisplay));
        if (hash is null && !makesKeys)
        {
            fields.Refuse("hash", "hash is missing; give SHA-256 of the key as 64 hex digits, or name a file for fresh keys with --keys.");
        }
        else if (hash is not null && (hash.Length != HashDigits || !hash.All(char.IsAsciiHexDigit)))
        {
            fields.Refuse("hash", "hash must be SHA-256 of the whole key as 64 hex digits.");
        }
        else if (hash is null != (display is null))
        {
            fields.Refuse("display", hash is null ? "display goes with hash; a fresh key has its own." : "display is missing: the key's first characters, at most 12.");
        }

        return new(number, id, account)
        {
            Name = fields.Required("name", MaxName),
            Scopes = ReadScopes(fields),
            Hash = hash is null || fields.Fault is not null ? null : Convert.FromHexString(hash),
            Display = display,
            CreatedAt = fields.Instant("createdAt"),
            ExpiresAt = fields.Instant("expiresAt"),
        };
    }

    private static ApiKeyScopes ReadScopes(ImportFields fields)
    {
        if (fields.Texts("scopes") is not { } names)
        {
            return ApiKeyScopes.Read | ApiKeyScopes.Spend;
        }

        var scopes = ApiKeyScopes.None;
        foreach (var name in names)
        {
            if (!ApiKeyScopeNames.TryParse(name, out var scope))
            {
                scopes = ApiKeyScopes.None;
                break;
            }

            scopes |= scope;
        }

        if (scopes == ApiKeyScopes.None)
        {
            fields.Refuse("scopes", $"scopes must be one or more of {ApiKeyScopeNames.All}.");
        }

        return scopes;
    }
}
