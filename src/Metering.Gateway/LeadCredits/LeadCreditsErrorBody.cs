using Microsoft.AspNetCore.Http;

namespace Metering.Gateway.LeadCredits;

/// <summary>An error of dialect B.</summary>
internal sealed record LeadCreditsErrorBody(bool Success, string Error)
{
    public static Task WriteAsync(HttpContext context, Failure failure) => failure.Status == StatusCodes.Status401Unauthorized
        ? JsonAnswer.WriteAsync(
            context,
            new LeadCreditsUnauthorizedBody(false, failure.Status, "Unauthorized", failure.Message),
            LeadCreditsJson.Default.LeadCreditsUnauthorizedBody)
        : JsonAnswer.WriteAsync(context, new LeadCreditsErrorBody(false, failure.Message), LeadCreditsJson.Default.LeadCreditsErrorBody);
}

/// <summary>The answer to a missing or broken key in dialect B.</summary>
internal sealed record LeadCreditsUnauthorizedBody(
    bool Success,
    int StatusCode,
    string Error,
    string Message);
