namespace Metering.Samples.LeadSearch.Routes;

/// <summary>Errors that the meter does not know, in the shape of those that it does.</summary>
internal static class Problems
{
    public static IResult CompanyUnknown(HttpContext context, string id) => Results.Problem(
        type: "urn:metering:problem:company_unknown",
        title: "Not Found",
        statusCode: StatusCodes.Status404NotFound,
        detail: $"There is no company '{(id.Length <= 40 ? id : string.Concat(id.AsSpan(0, 40), "…"))}'. Nothing was charged.",
        extensions: new Dictionary<string, object?>
        {
            ["code"] = "company_unknown",
            ["field"] = "id",
            ["requestId"] = context.TraceIdentifier,
        });
}
