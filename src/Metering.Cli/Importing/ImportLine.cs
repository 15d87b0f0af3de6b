using Metering.Engine;

namespace Metering.Cli;

/// <summary>One line of an import, checked as far as it can be by itself.</summary>
/// <param name="Number">Its number in the file, from 1.</param>
/// <param name="Id">Its own id, 1 to 128 characters, unique for ever: a line whose id was imported before is passed over.</param>
/// <param name="Account">The account that it is about.</param>
internal abstract record ImportLine(long Number, string Id, AccountId Account)
{
    /// <summary>What the ledger knows the line by.</summary>
    public string Reference => "import:" + Id;
}

/// <summary>An account to be opened, with its profile.</summary>
internal sealed record AccountLine(long Number, string Id, AccountId Account) : ImportLine(Number, Id, Account)
{
    public required string Plan { get; init; }

    public DateTimeOffset? Anchor { get; init; }

    public DateTimeOffset? PaidThrough { get; init; }

    /// <summary>What is left of the current period's allotment; null for all of it.</summary>
    public Credits? MonthlyCredits { get; init; }

    /// <summary>Who it belongs to; null where the line does not say.</summary>
    public AccountProfile? Profile { get; init; }
}

/// <summary>Bonus or permanent credits that an account brings.</summary>
internal sealed record BalanceLine(long Number, string Id, AccountId Account) : ImportLine(Number, Id, Account)
{
    public required GrantSource Source { get; init; }

    public required Credits Amount { get; init; }

    public DateTimeOffset? ExpiresAt { get; init; }

    public string? Description { get; init; }
}

/// <summary>Record subscriptions that an account brings, each with the end that it has there.</summary>
internal sealed record RecordsLine(long Number, string Id, AccountId Account) : ImportLine(Number, Id, Account)
{
    public required IReadOnlyList<GivenRecord> Records { get; init; }
}

/// <summary>An API key: its hash, or the wish for a fresh one.</summary>
internal sealed record KeyLine(long Number, string Id, AccountId Account) : ImportLine(Number, Id, Account)
{
    public required string Name { get; init; }

    public required ApiKeyScopes Scopes { get; init; }

    /// <summary>SHA-256 of the whole key; null for a fresh key.</summary>
    public byte[]? Hash { get; init; }

    public string? Display { get; init; }

    public DateTimeOffset? CreatedAt { get; init; }

    public DateTimeOffset? ExpiresAt { get; init; }
}

/// <summary>Why a line was not imported.</summary>
/// <param name="Number">Its number in the file, from 1.</param>
/// <param name="Id">Its id; null where it could not be read.</param>
/// <param name="Field">The field at fault; null where no single one is.</param>
/// <param name="Reason">A sentence: what was wrong and what is allowed.</param>
internal sealed record RejectedLine(long Number, string? Id, string? Field, string Reason);
