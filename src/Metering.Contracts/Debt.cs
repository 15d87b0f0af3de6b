namespace Metering;

/// <summary>
/// How far an account may spend beyond its credits (postpaid). Where credits do not suffice, the missing part is entered as an ADJUSTMENT, spent
/// in the same commit and owed; every later credit settles what is owed first, as a negative ADJUSTMENT. So the balance is never below zero.
/// </summary>
public sealed record CreditLimitRequest
{
    /// <summary>The most that spending may owe, 0 or more; 0 for none. Below what is owed now it forbids to owe more.</summary>
    public required Credits Limit { get; init; }

    /// <inheritdoc cref="DeductRequest.IdempotencyKey"/>
    public string? IdempotencyKey { get; init; }
}

/// <summary>
/// Takes credits back whose payment was refunded or disputed: what is unspent goes at once, and what is spent already is owed, which later
/// credits settle. A suspended or closed account is no hindrance.
/// </summary>
public sealed record TakeBackRequest
{
    /// <summary>How many, above zero.</summary>
    public required Credits Amount { get; init; }

    /// <summary>The refund or dispute; 1 to 200 characters, unique for ever.</summary>
    public required string ExternalReference { get; init; }

    /// <summary>Why, for people; 1 to 500 characters.</summary>
    public required string Reason { get; init; }

    /// <summary>
    /// The transaction that granted them: what is left of it goes first, the rest in the order of spending. Where it has been archived nobody can tell
    /// what is left of it: permanent credits, which paid ones are, go first, oldest first, then the others in the order of spending. Null, one that is
    /// not there or one that granted nothing: all in the order of spending.
    /// </summary>
    public TransactionId? GrantedBy { get; init; }

    /// <inheritdoc cref="DeductRequest.IdempotencyKey"/>
    public string? IdempotencyKey { get; init; }
}

/// <summary>What taking credits back came to.</summary>
/// <param name="TransactionId">The transaction; its amount is 0 where everything was spent already.</param>
/// <param name="Removed">What was unspent and is gone.</param>
/// <param name="AddedToDebt">What was spent already and is owed now.</param>
/// <param name="Owed">All that the account owes.</param>
/// <param name="Credits">The balance after it.</param>
public sealed record TakenBack(TransactionId TransactionId, Credits Removed, Credits AddedToDebt, Credits Owed, Credits Credits);
