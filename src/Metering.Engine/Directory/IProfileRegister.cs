namespace Metering.Engine;

/// <summary>Which profiles an operator looks for; what is null does not narrow the search.</summary>
public sealed record ProfileSearch
{
    /// <summary>What the account's id begins with, case-sensitive.</summary>
    public string? IdPrefix { get; init; }

    /// <summary>What the e-mail address begins with, in any case of A to Z; other letters as they were written, whatever a store's own folding of them finds beside.</summary>
    public string? Email { get; init; }

    /// <summary>What the company's name begins with, in any case of A to Z; other letters as <see cref="Email"/> says.</summary>
    public string? Company { get; init; }

    /// <summary>Only accounts with an id after this one (ordinal); null from the first.</summary>
    public AccountId? After { get; init; }

    /// <summary>How many at most.</summary>
    public int Limit { get; init; } = 50;
}

/// <summary>What operators do with profiles. Safe for concurrent use. What a call wrote is durable when it returns.</summary>
/// <remarks>All members throw <see cref="LedgerUnavailableException"/> where the store cannot serve now.</remarks>
public interface IProfileRegister
{
    /// <summary>The profiles that fit, in ascending order of their accounts' ids (ordinal).</summary>
    ValueTask<IReadOnlyList<AccountProfile>> SearchAsync(ProfileSearch search, CancellationToken cancellationToken = default);

    /// <summary>What an API key is called whose name was erased.</summary>
    const string ErasedName = "erased";

    /// <summary>
    /// Erases every text of an account's profile that is about a person or a company, the names of its API keys (<see cref="ErasedName"/> then), and the
    /// answers kept for retries of making keys, which repeat them. Ids and keys stay, and keys open what they opened.
    /// </summary>
    /// <returns>False where the account has no profile.</returns>
    ValueTask<bool> EraseAsync(AccountId account, CancellationToken cancellationToken = default);
}
